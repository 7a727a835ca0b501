/// Where clients reach the gateway.
public enum ListenAddress: Hashable, Sendable {
    /// An address and port; port 0 lets the kernel choose one.
    case ip(SocketAddress)
    /// A host name of this machine, resolved when the listener opens; port 0 lets the kernel choose one.
    case name(String, port: UInt16)
    /// The absolute path of a unix socket, 107 bytes at most.
    case unix(String)
}

extension ListenAddress {
    /// The longest path that fits into `sockaddr_un` with its terminating zero (unix(7)), in bytes.
    private static let longestPath = 107
    private static let unixScheme = "unix://"

    /// Reads `127.0.0.1:23790`, `[::1]:23790`, `localhost:23790` or `unix:///run/etcd-gateway/client.sock`.
    public init(parsing text: some StringProtocol) throws(ListenAddressError) {
        let fail = { (problem: ListenAddressError.Problem) in
            ListenAddressError(text: String(text), problem: problem)
        }
        guard !text.isEmpty else { throw fail(.empty) }
        if text.utf8.starts(with: Self.unixScheme.utf8) {
            let path = String(Substring(Substring(text).utf8.dropFirst(Self.unixScheme.utf8.count)))
            guard Self.isValidPath(path) else { throw fail(.path) }
            self = .unix(path)
            return
        }
        guard let parts = HostAndPort(text) else { throw fail(.host("")) }
        guard !parts.host.isEmpty else { throw fail(.noHost) }
        guard let host = Host(parts.host) else { throw fail(.host(String(parts.host))) }
        guard let digits = parts.port, !digits.isEmpty else { throw fail(.noPort(host)) }
        guard let port = UInt16(decimalDigits: digits) else { throw fail(.port(String(digits))) }
        switch host {
        case .address(let ip): self = .ip(SocketAddress(ip: ip, port: port))
        case .name(let name): self = .name(name, port: port)
        }
    }

    private static func isValidPath(_ path: String) -> Bool {
        path.utf8.first == UInt8(ascii: "/") && 2...longestPath ~= path.utf8.count
            && !path.utf8.contains(where: \.isControl)
    }
}

extension ListenAddress {
    /// Whether the kernel chooses the port, so that the same text twice is two listeners.
    public var isAnyPort: Bool {
        switch self {
        case .ip(let address): address.port == 0
        case .name(_, let port): port == 0
        case .unix: false
        }
    }
}

extension ListenAddress: CustomStringConvertible {
    /// The canonical text, which parses to the same value.
    public var description: String {
        switch self {
        case .ip(let address): address.description
        case .name(let name, let port): "\(name):\(port)"
        case .unix(let path): Self.unixScheme + path
        }
    }
}

/// A listen address that cannot be read. The description says what would be right.
public struct ListenAddressError: Error, Hashable, Sendable {
    /// What can be wrong.
    public enum Problem: Hashable, Sendable {
        /// There is no text.
        case empty
        /// There is a port and no host: for this machine only, or for everybody?
        case noHost
        /// Neither an address nor a host name; empty where brackets do not match.
        case host(String)
        /// There is no port.
        case noPort(Host)
        /// Not a number from 0 to 65535.
        case port(String)
        /// Not an absolute path of at most 107 bytes.
        case path
    }

    /// The text as it was written.
    public var text: String
    /// What is wrong with it.
    public var problem: Problem

    /// An error about one text.
    public init(text: String, problem: Problem) {
        self.text = text
        self.problem = problem
    }
}

extension ListenAddressError: CustomStringConvertible {
    /// One line: the text, what is wrong, what would be right.
    public var description: String { "listen address \(quoted(text)): \(problem)" }
}

extension ListenAddressError.Problem: CustomStringConvertible {
    /// What is wrong and what would be right, without the text.
    public var description: String {
        switch self {
        case .empty: "it is empty; write one such as 127.0.0.1:23790"
        case .noHost: "the address is missing; write 127.0.0.1:23790 for this machine, 0.0.0.0:23790 for all others too"
        case .host(""): "brackets belong around an IPv6 address, before the port, such as [::1]:23790"
        case .host(let host) where host.utf8.contains(UInt8(ascii: "/")):
            "\(quoted(host)) is no host; write host:port such as 127.0.0.1:23790, or unix:///run/x.sock, and no other scheme"
        case .host(let host): "\(quoted(host)) is neither an address nor a host name; write one such as 127.0.0.1:23790"
        case .noPort(let host): "the port is missing; write \(host.bracketed):23790"
        case .port(let port): "\(quoted(port)) is no port; write a number from 0 to 65535, such as 23790"
        case .path: "the path of a socket is absolute and has at most 107 bytes, such as unix:///run/etcd-gateway.sock"
        }
    }
}
