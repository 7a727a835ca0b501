import Foundation
import GatewayTesting
import Testing

extension RealComponents {
    /// `status --watch` in a real terminal.
    @Suite(.serialized)
    struct StatusWatchTests {
        @Test func watching_refreshesInPlace_fitsTheWindow_outlivesTheGateway_andPutsTheTerminalBack() async throws {
            let cluster = try await EtcdCluster(size: 1)
            let observed = try await ObservedGateway(["--endpoints=\(cluster.endpoints),127.0.0.1:1"])
            let requests = RequestLoop(PlainRequest(at: observed.gateway.address), clients: 2, pause: .milliseconds(10))
            let terminal = try await TerminalScreen(columns: 140, rows: 30)
            let program = try ToolBox.gateway()
            try await terminal.type("echo be\"\"fore")
            try await terminal.type("\(program) status --watch \(observed.socketFlag); echo af\"\"ter $?")

            try await eventually("it shows endpoints, and sparklines once it has looked a few times") {
                let lines = try await terminal.lines()
                return lines.first?.hasPrefix("etcd-gateway ") == true
                    && lines.contains { $0.hasPrefix(">  \(cluster.members[0].address)") }
                    && lines.contains { $0.hasPrefix("bytes ") && $0.contains { "▁▂▃▄▅▆▇█".contains($0) } }
            }
            let before = try await terminal.lines()
            let state = try await terminal.state()
            #expect(state.isAlternate && !state.hasCursor)
            #expect(!before.contains { $0.contains("before") }, "it has the screen for itself")
            #expect(try await terminal.colouredText().contains("\u{1B}["), "it is coloured")
            try await eventually("it is refreshed, in place") { try await terminal.lines().first != before.first }
            #expect(try await terminal.state().scrolled == state.scrolled)
            #expect(try await terminal.lines().count { $0.hasPrefix("etcd-gateway ") } == 1)

            try await terminal.resize(columns: 60, rows: 8)
            try await eventually("it fits a smaller window") {
                let lines = try await terminal.lines()
                return lines.count <= 8 && lines.allSatisfy { $0.count <= 60 }
                    && lines.first?.hasPrefix("etcd-gateway ") == true
                    && lines.dropFirst().contains { $0.hasPrefix("bytes ") }
            }
            try await terminal.resize(columns: 140, rows: 30)

            _ = try await requests.stop()
            try await observed.gateway.process.kill()
            try await eventually("it says that nobody is there, and waits") {
                try await terminal.lines().first?.contains("no gateway listens on") == true
            }
            try await terminal.press("C-c")
            try await eventually("the terminal is as before") {
                let lines = try await terminal.lines()
                return lines.contains("before") && lines.contains("after 1")
            }
            let end = try await terminal.state()
            #expect(!end.isAlternate && end.hasCursor)
        }
    }
}
