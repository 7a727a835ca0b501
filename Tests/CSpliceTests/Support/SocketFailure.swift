import Glibc

/// What can go wrong at a test's own end of a connection.
enum SocketFailure: Error, Equatable {
    case system(operation: String, errno: Int32)
    case timedOut(operation: String)
    /// The stream ended before all the bytes asked for had come.
    case endedEarly(after: Int)
    /// The bytes are not those of the stream; offset is that of the first piece that differs.
    case wrongBytes(near: Int)
}

/// Throws the errno of a system call that returned -1.
@discardableResult
func check(_ operation: String, _ result: Int32) throws -> Int32 {
    guard result != -1 else { throw SocketFailure.system(operation: operation, errno: errno) }
    return result
}
