/// 254 addresses of the loopback network, drawn at random: hosts of their own for the members of a cluster, which may
/// then all use etcd's own ports, as real hosts do, without meeting another run of the tests.
public struct LoopbackSubnet: Sendable {
    private let prefix: String

    /// Draws a subnet. It is never 127.0.x.x, where a machine keeps what it uses itself.
    public init() {
        prefix = "127.\(UInt8.random(in: 16...254)).\(UInt8.random(in: 0...254))"
    }

    /// The address of host `number`, which is 1 to 254.
    public func address(_ number: Int) -> String {
        precondition((1...254).contains(number), "a subnet has hosts 1 to 254")
        return "\(prefix).\(number)"
    }
}
