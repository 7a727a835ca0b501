import Gateway
import GatewayTesting
import Glibc

/// What this very process has open.
enum OpenDescriptors {
    /// The connections to an address.
    static func to(_ address: SocketAddress) -> Int {
        ((try? ProcessSockets.establishedPeers(of: getpid())) ?? []).filter { $0 == "\(address)" }.count
    }
}
