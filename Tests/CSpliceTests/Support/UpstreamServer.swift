import CSplice
import Glibc

/// A listening socket that plays etcd: a test accepts from it by hand.
final class UpstreamServer: Sendable {
    let address: csp_address
    private let socket: Peer

    /// receiveBuffer and sendBuffer are inherited by accepted connections.
    init(
        at wanted: csp_address = .loopback4(), backlog: Int32 = 1024, receiveBuffer: Int32? = nil,
        sendBuffer: Int32? = nil
    ) throws {
        let destination = Destination.ip(wanted)
        let type = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        socket = Peer(owning: try check("socket", Glibc.socket(destination.family, type, 0)))
        try socket.set(SOL_SOCKET, SO_REUSEADDR, to: 1)
        if let receiveBuffer { try socket.set(SOL_SOCKET, SO_RCVBUF, to: receiveBuffer) }
        if let sendBuffer { try socket.set(SOL_SOCKET, SO_SNDBUF, to: sendBuffer) }
        let descriptor = socket.descriptor
        try check("bind", destination.withSystemAddress { bind(descriptor, $0, $1) })
        try check("listen", listen(descriptor, backlog))
        var address = wanted
        address.port = try boundPort(of: descriptor)
        self.address = address
    }

    func accept(within duration: Duration = Deadline.usual) throws -> Peer {
        let deadline = Deadline(in: duration)
        while true {
            let descriptor = Glibc.accept(socket.descriptor, nil, nil)
            if descriptor >= 0 {
                try check("fcntl", fcntl(descriptor, F_SETFL, O_NONBLOCK))
                return Peer(owning: descriptor)
            }
            guard errno == EAGAIN || errno == EINTR || errno == ECONNABORTED else {
                throw SocketFailure.system(operation: "accept", errno: errno)
            }
            try socket.wait(for: Int16(POLLIN), operation: "accept", deadline: deadline)
        }
    }

    /// Connections that stand and were not accepted yet, and how many the kernel lets stand.
    func backlog() throws -> (waiting: UInt32, limit: UInt32) {
        var info = tcp_info()
        var length = socklen_t(MemoryLayout<tcp_info>.size)
        try check("TCP_INFO", getsockopt(socket.descriptor, Int32(IPPROTO_TCP), TCP_INFO, &info, &length))
        return (info.tcpi_unacked, info.tcpi_sacked)
    }

    func close() { socket.close() }
}

/// A port on which nobody listens, so that a dial is refused.
func refusingAddress() throws -> csp_address {
    let server = try UpstreamServer()
    server.close()
    return server.address
}

/// A blocking, listening socket as another program would hand it over.
func listeningSocket() throws -> (Int32, Destination) {
    let descriptor = try check("socket", socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0))
    try check("bind", Destination.ip(.loopback4()).withSystemAddress { bind(descriptor, $0, $1) })
    try check("listen", listen(descriptor, 16))
    return (descriptor, .ip(.loopback4(port: try boundPort(of: descriptor))))
}
