import Foundation

/// The TCP connections of a process, as the kernel lists them in /proc.
public enum ProcessSockets {
    /// One connection: no two that exist at the same time have both ends in common.
    public struct Connection: Hashable, Sendable {
        /// This end, "127.0.0.1:40000".
        public let near: String
        /// The far end.
        public let far: String
    }

    /// The far ends ("127.20.30.1:2379") of the established IPv4 connections that process `pid` holds.
    public static func establishedPeers(of pid: pid_t) throws -> [String] {
        try establishedConnections(of: pid).map(\.far)
    }

    /// The established IPv4 connections that process `pid` holds.
    public static func establishedConnections(of pid: pid_t) throws -> [Connection] {
        let own = socketNumbers(of: pid)
        return try table().split(separator: "\n").dropFirst().compactMap { line in
            let columns = line.split(separator: " ")
            let isEstablished = columns.count > 9 && columns[3] == "01"
            guard isEstablished, own.contains(String(columns[9])) else { return nil }
            guard let near = address(hexadecimal: columns[1]), let far = address(hexadecimal: columns[2]) else {
                return nil
            }
            return Connection(near: near, far: far)
        }
    }

    /// How many descriptors process `pid` has open.
    public static func descriptorCount(of pid: pid_t) throws -> Int {
        try FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd").count
    }

    /// The kernel's list. Foundation reads such a file, whose size is said to be 0, only in part.
    private static func table() throws -> String {
        let descriptor = open("/proc/net/tcp", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw TestingError("/proc/net/tcp: \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        var text: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            guard count > 0 else { return String(decoding: text, as: UTF8.self) }
            text += buffer[..<count]
        }
    }

    private static func socketNumbers(of pid: pid_t) -> Set<String> {
        let folder = "/proc/\(pid)/fd"
        let descriptors = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return Set(
            descriptors.compactMap { descriptor in
                let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/\(descriptor)")
                guard let target, target.hasPrefix("socket:[") else { return nil }
                return String(target.dropFirst("socket:[".count).dropLast())
            })
    }

    /// "0100007F:094B" is 127.0.0.1:2379: the address is in the machine's byte order, the port is not.
    private static func address(hexadecimal text: Substring) -> String? {
        let parts = text.split(separator: ":")
        guard parts.count == 2, let address = UInt32(parts[0], radix: 16), let port = UInt16(parts[1], radix: 16) else {
            return nil
        }
        let bytes = withUnsafeBytes(of: address) { Array($0) }
        return "\(bytes.map(String.init).joined(separator: ".")):\(port)"
    }
}
