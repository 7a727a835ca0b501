internal import CLinux
internal import Glibc

/// A system call that failed.
public struct SystemError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The positive error number.
    public let number: Int32
    /// What was attempted, for people: `listen on 127.0.0.1:23790`.
    public let operation: String

    /// The failure of `operation`. A descriptor or pointer of ours that is wrong is a bug, not a condition: it traps.
    public init(_ number: Int32, _ operation: String) {
        precondition(number != EBADF && number != EFAULT, "\(operation): our own bug, errno \(number)")
        self.number = number
        self.operation = operation
    }

    /// Somebody listens there.
    var isAddressInUse: Bool { number == EADDRINUSE }

    // unsafe: both texts end with a zero and are copied at once. Names are constant, and what strerror(3) makes of an
    // unknown number is the thread's own until it asks again: since glibc 2.32, without which there is no
    // clinux_errno_name either.
    /// The number's name: `ECONNREFUSED`.
    public static func name(of number: Int32) -> String {
        guard let name = unsafe clinux_errno_name(number) else { return "errno \(number)" }
        return unsafe String(cString: name)
    }

    /// `cannot listen on 127.0.0.1:23790: Address already in use (EADDRINUSE)`.
    public var description: String {
        "cannot \(operation): \(unsafe String(cString: strerror(number))) (\(Self.name(of: number)))"
    }
}

/// The result of a C call that returns a count or a negative error number.
@discardableResult
func check(_ operation: @autoclosure () -> String, _ result: Int32) throws(SystemError) -> Int32 {
    guard result >= 0 else { throw SystemError(-result, operation()) }
    return result
}

/// The result of a system call that returns -1 and sets errno.
@discardableResult
func checkErrno(_ operation: @autoclosure () -> String, _ result: Int32) throws(SystemError) -> Int32 {
    guard result != -1 else { throw SystemError(errno, operation()) }
    return result
}
