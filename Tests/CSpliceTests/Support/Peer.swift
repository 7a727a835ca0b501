import Glibc
import Synchronization

/// One end of a connection, held by a test. The socket does not block; the calls here wait, with a deadline.
final class Peer: Sendable {
    let descriptor: Int32
    private let isOpen = Atomic(true)

    /// Takes the descriptor over.
    init(owning descriptor: Int32) {
        self.descriptor = descriptor
    }

    /// Connects and waits until the connection stands. Buffer sizes are those that SO_RCVBUF and SO_SNDBUF take.
    convenience init(
        connectedTo destination: Destination, receiveBuffer: Int32? = nil, sendBuffer: Int32? = nil,
        within duration: Duration = Deadline.usual
    ) throws {
        try self.init(connectingTo: destination, receiveBuffer: receiveBuffer, sendBuffer: sendBuffer)
        try wait(for: Int16(POLLOUT), operation: "connect", deadline: Deadline(in: duration))
        let error = try option(SOL_SOCKET, SO_ERROR)
        guard error == 0 else { throw SocketFailure.system(operation: "connect", errno: error) }
    }

    /// Begins to connect and does not wait.
    init(connectingTo destination: Destination, receiveBuffer: Int32? = nil, sendBuffer: Int32? = nil) throws {
        let type = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        descriptor = try check("socket", socket(destination.family, type, 0))
        if let receiveBuffer { try set(SOL_SOCKET, SO_RCVBUF, to: receiveBuffer) }
        if let sendBuffer { try set(SOL_SOCKET, SO_SNDBUF, to: sendBuffer) }
        let result = destination.withSystemAddress { connect(descriptor, $0, $1) }
        if result == -1 && errno != EINPROGRESS {
            throw SocketFailure.system(operation: "connect", errno: errno)
        }
    }

    deinit { close() }

    func close() {
        if isOpen.exchange(false, ordering: .relaxed) { _ = Glibc.close(descriptor) }
    }

    /// Closes with a reset instead of an end of stream.
    func reset() {
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        close()
    }

    func shutdownWrite() throws {
        try check("shutdown", shutdown(descriptor, Int32(SHUT_WR)))
    }

    /// From now on the kernel throws away what arrives, unacknowledged, as if this host had vanished.
    func dropAllThatArrives() throws {
        var nothing = FilterInstruction()
        try withUnsafeMutablePointer(to: &nothing) { instruction in
            var program = FilterProgram(instructions: instruction)
            let length = socklen_t(MemoryLayout<FilterProgram>.size)
            try check("setsockopt", setsockopt(descriptor, SOL_SOCKET, SO_ATTACH_FILTER, &program, length))
        }
    }

    func set(_ level: Int32, _ name: Int32, to value: Int32) throws {
        var value = value
        try check("setsockopt", setsockopt(descriptor, level, name, &value, socklen_t(MemoryLayout<Int32>.size)))
    }

    func option(_ level: Int32, _ name: Int32) throws -> Int32 {
        var value: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        try check("getsockopt", getsockopt(descriptor, level, name, &value, &length))
        return value
    }

    func wait(for events: Int16, operation: String, deadline: Deadline) throws {
        var request = pollfd(fd: descriptor, events: events, revents: 0)
        while true {
            let count = poll(&request, 1, deadline.pollTimeout)
            if count > 0 { return }
            if count == 0 { throw SocketFailure.timedOut(operation: operation) }
            if errno != EINTR { throw SocketFailure.system(operation: "poll", errno: errno) }
        }
    }

    /// What the socket takes at once; 0 when it takes nothing.
    func sendNow(_ bytes: UnsafeRawBufferPointer, flags: Int32 = 0) throws -> Int {
        let count = Glibc.send(descriptor, bytes.baseAddress, bytes.count, flags | Int32(MSG_NOSIGNAL))
        if count >= 0 { return count }
        if errno == EAGAIN || errno == EINTR { return 0 }
        throw SocketFailure.system(operation: "send", errno: errno)
    }

    func sendAll(_ bytes: UnsafeRawBufferPointer, within duration: Duration = Deadline.usual) throws {
        let deadline = Deadline(in: duration)
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = try sendNow(UnsafeRawBufferPointer(rebasing: rest))
            rest = rest.dropFirst(count)
            if count == 0 { try wait(for: Int16(POLLOUT), operation: "send", deadline: deadline) }
        }
    }

    func send(_ text: String) throws {
        try Array(text.utf8).withUnsafeBytes { try sendAll($0) }
    }

    /// One byte of urgent data.
    func sendUrgent(_ byte: UInt8) throws {
        try withUnsafeBytes(of: byte) { bytes in
            guard try sendNow(bytes, flags: Int32(MSG_OOB)) == 1 else {
                throw SocketFailure.timedOut(operation: "send urgent")
            }
        }
    }

    /// Sends text and, with it, a duplicate of this socket's descriptor (SCM_RIGHTS); for unix sockets.
    func sendPassingADescriptor(_ text: String) throws {
        var text = Array(text.utf8)
        // cmsghdr: its length with the payload (8 bytes), level, type; then the descriptor, padded to 8.
        var control: [Int32] = [20, 0, SOL_SOCKET, Int32(SCM_RIGHTS), descriptor, 0]
        let sent = text.withUnsafeMutableBytes { text in
            control.withUnsafeMutableBytes { control in
                var vector = iovec(iov_base: text.baseAddress, iov_len: text.count)
                return withUnsafeMutablePointer(to: &vector) { vector in
                    var message = msghdr()
                    message.msg_iov = vector
                    message.msg_iovlen = 1
                    message.msg_control = control.baseAddress
                    message.msg_controllen = control.count
                    return sendmsg(descriptor, &message, Int32(MSG_NOSIGNAL))
                }
            }
        }
        guard sent == text.count else { throw SocketFailure.system(operation: "sendmsg", errno: errno) }
    }

    /// Waits for bytes and returns how many there were; 0 is the end of the stream.
    func receive(into buffer: UnsafeMutableRawBufferPointer, within duration: Duration = Deadline.usual) throws -> Int {
        let deadline = Deadline(in: duration)
        while true {
            let count = recv(descriptor, buffer.baseAddress, buffer.count, 0)
            if count >= 0 { return count }
            guard errno == EAGAIN || errno == EINTR else {
                throw SocketFailure.system(operation: "recv", errno: errno)
            }
            try wait(for: Int16(POLLIN), operation: "recv", deadline: deadline)
        }
    }

    func receive(count: Int, within duration: Duration = Deadline.usual) throws -> String {
        var received: [UInt8] = []
        try withUnsafeTemporaryAllocation(byteCount: count, alignment: 1) { buffer in
            while received.count < count {
                let free = UnsafeMutableRawBufferPointer(rebasing: buffer[..<(count - received.count)])
                let got = try receive(into: free, within: duration)
                guard got > 0 else { throw SocketFailure.endedEarly(after: received.count) }
                received += buffer.prefix(got)
            }
        }
        return String(decoding: received, as: UTF8.self)
    }

    /// Everything up to the end of the stream.
    func receiveToEnd(within duration: Duration = Deadline.usual) throws -> String {
        var received: [UInt8] = []
        try withUnsafeTemporaryAllocation(byteCount: 65536, alignment: 1) { buffer in
            while true {
                let got = try receive(into: buffer, within: duration)
                if got == 0 { break }
                received += buffer.prefix(got)
            }
        }
        return String(decoding: received, as: UTF8.self)
    }

    /// Reads and drops whatever comes and says how the stream ended.
    func drain(within duration: Duration = Deadline.usual) throws -> (bytes: Int, end: StreamEnd) {
        var bytes = 0
        return try withUnsafeTemporaryAllocation(byteCount: 65536, alignment: 1) { buffer in
            while true {
                do {
                    let got = try receive(into: buffer, within: duration)
                    if got == 0 { return (bytes, .endOfStream) }
                    bytes += got
                } catch SocketFailure.system(operation: "recv", let error) {
                    return (bytes, .failed(error))
                }
            }
        }
    }
}

/// How a stream ended for its reader.
enum StreamEnd: Equatable {
    case endOfStream
    case failed(Int32)

    static let reset = StreamEnd.failed(ECONNRESET)
}

/// linux/filter.h's `struct sock_filter`, which Swift's Glibc lacks: return no byte of the packet.
private struct FilterInstruction {
    var code: UInt16 = 0x06  // BPF_RET | BPF_K
    var jumps: UInt16 = 0
    var value: UInt32 = 0
}

/// Its `struct sock_fprog`.
private struct FilterProgram {
    var count: UInt16 = 1
    var instructions: UnsafeMutablePointer<FilterInstruction>
}
