@testable import Gateway

/// A status in which every part has a value of its own.
enum StatusExample {
    static let time = WallTime(milliseconds: 1_700_000_000_123)

    static func endpoint(
        _ name: String, _ state: EndpointStatus.State, role: EndpointStatus.Role, reason: String = ""
    ) -> EndpointStatus {
        EndpointStatus(
            name: name, addresses: ["10.0.0.1:2379", "10.0.0.2:2379"], origin: "configured", priority: 7, weight: 9,
            state: state, role: role, reason: reason, age: .milliseconds(12_345), sessions: 3, bytesUp: 11,
            bytesDown: 2_500_000, dialsOpened: 4, dialsFailed: 5, dialTime: .microseconds(321),
            lastError: "connection refused", lastErrorAge: .seconds(65), probe: "http", nextProbe: .seconds(3),
            isProbing: true, unanswered: .milliseconds(700))
    }

    static var traffic: GatewayTraffic {
        var traffic = GatewayTraffic()
        (traffic.sessions, traffic.heldClients, traffic.accepted, traffic.opened) = (1, 2, 3, 4)
        (traffic.ended, traffic.bytesUp, traffic.bytesDown) = (5, 6, 7)
        (traffic.dialFailures, traffic.acceptErrors) = (8, 9)
        return traffic
    }

    static let status = GatewayStatus(
        time: time,
        program: GatewayStatus.Program(
            version: "1.2.3", process: 77, uptime: .milliseconds(3_723_500), policy: "pinned",
            listeners: ["127.0.0.1:23790"], logLevel: "info"),
        isReady: true, traffic: traffic,
        endpoints: [
            endpoint("infra0.example.com:2379", .good, role: .serving),
            endpoint("infra1:2379", .down, role: .out, reason: "unreachable; next probe in 3.0s"),
        ],
        discovery: DiscoveryStatus(
            domain: "example.com", source: "DNS",
            names: [
                DiscoveryStatus.Name(
                    name: "_etcd-client._tcp.example.com", type: "SRV", state: .failing, records: 2, age: .seconds(4),
                    nextRefresh: .seconds(56), error: "timeout")
            ]),
        events: [
            StatusEvent(
                time: time - .seconds(90),
                line: NoticeLine(
                    .warning, "deactivated endpoint",
                    ["address": .string("infra1:2379"), "error": .string("unreachable")]))
        ])
}
