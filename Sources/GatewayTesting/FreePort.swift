import Foundation

/// Ports on which nobody listens.
public enum FreePort {
    /// A port that is free for TCP and for UDP on `address`.
    ///
    /// It is drawn from below the kernel's range for outgoing connections (32,768 and up by default), so that no such
    /// connection can take it between this answer and its use.
    public static func next(on address: String = "127.0.0.1") throws -> UInt16 {
        for _ in 0..<1_000 {
            let port = UInt16.random(in: 10_000..<32_000)
            if isFree(port, on: address) { return port }
        }
        throw TestingError("no free port on \(address) among a thousand drawn")
    }

    private static func isFree(_ port: UInt16, on address: String) -> Bool {
        let datagram = try? LoopbackSocket(.datagram, address: address, port: port)
        let stream = try? LoopbackSocket(.stream, address: address, port: port)
        return datagram != nil && stream != nil
    }
}
