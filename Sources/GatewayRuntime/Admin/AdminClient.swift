internal import CLinux
internal import Gateway
internal import Glibc

/// Asks a gateway that runs on this machine, one question on one connection.
struct AdminClient {
    /// Why there is no answer, on one line with what to do.
    struct Failure: Error, CustomStringConvertible {
        let description: String
        /// There may be a gateway, but not for this user.
        var isForbidden = false
    }

    /// An answer, whole.
    struct Answer {
        var status: Int
        var body: String

        var isGood: Bool { status == 200 }
    }

    /// Nobody waits longer for a part of the answer.
    private static let patienceMilliseconds: Int32 = 5000
    /// The longest list of sessions is a few MB.
    private static let longest = 64 << 20

    let path: String

    /// Sends a request and reads the answer to its end.
    func ask(_ method: String, _ target: String) throws(Failure) -> Answer {
        let socket = try connect()
        let request = "\(method) \(target) HTTP/1.1\r\nhost: gateway\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
        try send(Array(request.utf8), on: socket.number)
        return try read(from: socket.number)
    }

    // unsafe: while a call lasts the kernel reads or fills what is ours, no more of it than the length says.
    private func connect() throws(Failure) -> Descriptor {
        guard var address = UnixAddress(path) else { throw Failure(description: "\(path) is too long for a socket") }
        let number = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard number != -1 else { throw Failure(description: "cannot make a socket: \(SystemError.name(of: errno))") }
        let descriptor = Descriptor(owning: number)
        _ = clinux_set_send_timeout(number, Self.patienceMilliseconds)  // without them we would only wait longer
        _ = clinux_set_receive_timeout(number, Self.patienceMilliseconds)
        let error = unsafe address.withPointer { unsafe Glibc.connect(number, $0, $1) == 0 ? 0 : errno }
        guard error == 0 else {
            throw Failure(description: words(error), isForbidden: error == EACCES || error == EPERM)
        }
        return descriptor
    }

    private func words(_ error: Int32) -> String {
        switch error {
        case ENOENT, ECONNREFUSED:
            "no gateway listens on \(path); is it running, and with that \(Setting.adminSocket.flag)?"
        case EACCES, EPERM:
            "you may not connect to \(path): become root, or a member of the group etcd-gateway"
        default:
            "cannot connect to \(path): \(SystemError.name(of: error))"
        }
    }

    private func send(_ bytes: [UInt8], on descriptor: Int32) throws(Failure) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let sent = unsafe rest.withUnsafeBytes {
                unsafe Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if sent == -1 && errno == EINTR { continue }
            guard sent > 0 else { throw broken() }
            rest = rest.dropFirst(sent)
        }
    }

    private func read(from descriptor: Int32) throws(Failure) -> Answer {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while bytes.count < Self.longest {
            let count = unsafe Glibc.read(descriptor, &chunk, chunk.count)
            if count == -1 && errno == EINTR { continue }
            guard count >= 0 else { throw broken() }
            guard count > 0 else { break }
            bytes += chunk[..<count]
        }
        guard let answer = Answer(bytes) else { throw Failure(description: "what listens on \(path) is no gateway") }
        return answer
    }

    private func broken() -> Failure {
        Failure(description: "the gateway at \(path) does not answer: \(SystemError.name(of: errno))")
    }
}

extension AdminClient.Answer {
    /// Reads an HTTP answer whose end is that of the connection.
    fileprivate init?(_ bytes: [UInt8]) {
        let end: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A]
        guard bytes.starts(with: "HTTP/1.1 ".utf8), bytes.count > 12, let gap = bytes.firstRange(of: end),
            let status = Int(String(decoding: bytes[9..<12], as: UTF8.self))
        else { return nil }
        self.status = status
        body = String(decoding: bytes[gap.upperBound...], as: UTF8.self)
    }
}
