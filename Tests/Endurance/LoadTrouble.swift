import Foundation
import GatewayTesting

/// A kind of clients: how many sessions they make at once, and how they are let loose.
@MainActor
struct LoadTrouble {
    typealias AtItsHeight = @MainActor () async throws -> Void

    let name: String
    /// So many are there at once; 0 where that is not the point.
    let sessions: Int
    /// Lets them loose, calls the closure when they are all there, ends them, and says what they did.
    let run: @MainActor (LoadGateway, AtItsHeight) async throws -> String

    static func all(short: Bool, mostSessions: Int) -> [LoadTrouble] {
        let polite = LoadStage.politeClients
        let half = (mostSessions - 2 * polite) / 2
        if short {
            return [
                quiet(for: .seconds(2)), idle(2000), busy(500, milliseconds: 2000), bulk(2000, mebibytes: 1),
                churn(20000),
                slow(500, for: 2),
                mute(1000, for: 1), scan(5000), vanish(200), halfOpen(for: 2),
            ]
        }
        return [
            quiet(for: .seconds(10)), idle(9000), busy(5000, milliseconds: 20000),
            busyAndIdle(busy: 5000, idle: 9000, milliseconds: 20000),
            busyAndIdle(busy: half, idle: half, milliseconds: 20000), bulk(2000, mebibytes: 8), slow(4000, for: 5),
            mute(9000, for: 10),
            scan(200_000), vanish(2000), halfOpen(for: 10), churn(1_000_000),
            // Once more: what is kept after the first time must not grow with the second.
            idle(9000), slow(4000, for: 5),
        ]
    }

    /// Nobody else: what the others are compared with.
    private static func quiet(for time: Duration) -> LoadTrouble {
        LoadTrouble(name: "nobody else", sessions: 0) { _, atItsHeight in
            try await Task.sleep(for: time)
            try await atItsHeight()
            return ""
        }
    }

    private static func idle(_ count: Int) -> LoadTrouble {
        LoadTrouble(name: "\(count) idle sessions", sessions: count) { gateway, atItsHeight in
            let clients = try await LoadProgram.holding(["idle", gateway.address, "\(count)"])
            try await Task.sleep(for: .seconds(2))
            try await atItsHeight()
            try await clients.kill()
            return ""
        }
    }

    private static func busy(_ count: Int, milliseconds: Int) -> LoadTrouble {
        LoadTrouble(name: "\(count) busy sessions", sessions: count) { gateway, atItsHeight in
            try await rpc(gateway, count, milliseconds, atItsHeight)
        }
    }

    private static func busyAndIdle(busy: Int, idle: Int, milliseconds: Int) -> LoadTrouble {
        LoadTrouble(name: "\(busy) busy and \(idle) idle sessions", sessions: busy + idle) { gateway, atItsHeight in
            let clients = try await LoadProgram.holding(["idle", gateway.address, "\(idle)"])
            let outcome = try await rpc(gateway, busy, milliseconds, atItsHeight)
            try await clients.kill()
            return outcome
        }
    }

    /// Each asks without a pause, 256 B, and is answered 1 KiB.
    private static func rpc(
        _ gateway: LoadGateway, _ count: Int, _ milliseconds: Int, _ atItsHeight: AtItsHeight
    ) async throws -> String {
        let clients = try LoadProgram.start(["rpc", gateway.address, "\(count)", "256", "1024", "\(milliseconds)"])
        while !clients.errors.contains("warm") && clients.isRunning { try await Task.sleep(for: .milliseconds(50)) }
        try await Task.sleep(for: .milliseconds(milliseconds / 2))
        try await atItsHeight()
        let figures = try await LoadProgram.figures(of: clients)
        return "\(Int(figures["per_second"] ?? 0)) answers/s, p99 \(Int((figures["p99_us"] ?? 0) / 1000)) ms"
    }

    /// Each moves so many mebibytes both ways at once; there are pipes for few of them.
    private static func bulk(_ count: Int, mebibytes: Int) -> LoadTrouble {
        LoadTrouble(name: "\(count) bulk sessions", sessions: count) { gateway, atItsHeight in
            let clients = try LoadProgram.start(["bulk", gateway.address, "both", "\(count)", "\(mebibytes)"])
            let all = Double(count)
            try await settled("all are there", within: .seconds(60)) {
                try await gateway.metric("etcd_gateway_sessions") >= all
            }
            try await atItsHeight()
            let figures = try await LoadProgram.figures(of: clients)
            let expected = Double(2 * count * mebibytes) * 1_048_576 / 1e9
            guard abs((figures["gigabytes"] ?? 0) - expected) < 0.001 * expected else {
                throw TestingError("\(figures["gigabytes"] ?? 0) of \(expected) GB arrived")
            }
            return "\(((figures["gigabytes_per_second"] ?? 0) * 100).rounded() / 100) GB/s"
        }
    }

    /// One after the other, 64 at a time: connect, ask, be answered, close.
    private static func churn(_ count: Int) -> LoadTrouble {
        LoadTrouble(name: "\(count) connections", sessions: 0) { gateway, atItsHeight in
            let accepted = try await gateway.metric("etcd_gateway_sessions_accepted_total")
            let figures = try await LoadProgram.figures(
                of: LoadProgram.start(["churns", gateway.address, "64", "\(count)"]))
            try await atItsHeight()
            let more = try await gateway.metric("etcd_gateway_sessions_accepted_total") - accepted
            guard Int(more) >= count, figures["done"] == Double(count) else {
                throw TestingError("\(figures["done"] ?? 0) of \(count) connections were answered, \(more) accepted")
            }
            return "\(Int(figures["per_second"] ?? 0)) a second, p99 \(((figures["p99_us"] ?? 0) / 1000).rounded()) ms"
        }
    }

    /// Each is owed 256 KiB and takes 64 bytes a second through a window of 4 KiB. For less than `--tcp-user-timeout`: who keeps
    /// his window closed for longer is cut off (docs/decisions/0008-user-timeout.md).
    private static func slow(_ count: Int, for seconds: Int) -> LoadTrouble {
        LoadTrouble(name: "\(count) slow readers", sessions: count) { gateway, atItsHeight in
            try await hold("slow", gateway, count, seconds, atItsHeight)
        }
    }

    /// They connect and say nothing.
    private static func mute(_ count: Int, for seconds: Int) -> LoadTrouble {
        LoadTrouble(name: "\(count) mute clients", sessions: count) { gateway, atItsHeight in
            try await hold("mute", gateway, count, seconds, atItsHeight)
        }
    }

    private static func hold(
        _ word: String, _ gateway: LoadGateway, _ count: Int, _ seconds: Int, _ atItsHeight: AtItsHeight
    ) async throws -> String {
        let clients = try await LoadProgram.holding([word, gateway.address, "\(count)"])
        try await Task.sleep(for: .seconds(seconds))
        try await atItsHeight()
        let figures = try await LoadProgram.stop(clients)
        guard figures["ended"] == 0 else {
            throw TestingError("\(figures["ended"] ?? -1) of \(count) \(word) were cut off")
        }
        return "none cut off"
    }

    /// A port scanner: connect and reset, one after the other.
    private static func scan(_ count: Int) -> LoadTrouble {
        LoadTrouble(name: "\(count) connects with a reset at once", sessions: 0) { gateway, atItsHeight in
            let figures = try await LoadProgram.figures(of: LoadProgram.start(["scan", gateway.address, "\(count)"]))
            try await atItsHeight()
            return "\(Int(Double(count) / (figures["seconds"] ?? .infinity))) a second"
        }
    }

    /// Their cable is pulled, then they are killed: nobody tells the gateway. `--tcp-keepalive=2s` finds out.
    private static func vanish(_ count: Int) -> LoadTrouble {
        LoadTrouble(name: "\(count) clients that vanish", sessions: count) { gateway, atItsHeight in
            let clients = try await LoadProgram.holding(
                ["mute", gateway.farAddress, "\(count)"], on: LoadProgram.farHost)
            let polite = Double(LoadStage.politeClients)
            try await settled("all are there", within: .seconds(10)) {
                try await gateway.metric("etcd_gateway_sessions") >= polite + Double(count)
            }
            try await atItsHeight()
            try await far("link set far0 down")
            try await clients.kill()
            let began = ContinuousClock.now
            try await settled("the gateway has noticed", within: .seconds(120)) {
                try await gateway.metric("etcd_gateway_sessions") <= polite
            }
            try await far("link set far0 up")
            let seconds = ((ContinuousClock.now - began) / .seconds(0.1)).rounded() / 10
            return "noticed after \(seconds) s"
        }
    }

    /// Handshakes that nobody finishes, for the answers to them are dropped where they come from.
    private static func halfOpen(for seconds: Int) -> LoadTrouble {
        LoadTrouble(name: "a flood of half-open connections", sessions: 0) { gateway, atItsHeight in
            let rule = "tcp flags & (syn|ack) == (syn|ack) drop"
            try await filterFar(
                "add table inet half; add chain inet half in { type filter hook input priority 0; }; add rule inet half in \(rule)"
            )
            let clients = try await LoadProgram.holding(["half", gateway.farAddress, "4000"], on: LoadProgram.farHost)
            try await Task.sleep(for: .seconds(seconds))
            try await atItsHeight()
            let figures = try await LoadProgram.stop(clients)
            try await filterFar("delete table inet half")
            return "\(Int(figures["asked"] ?? 0)) asked for in \(seconds) s"
        }
    }

    private static func far(_ words: String) async throws {
        try await tool("ip", ["-netns", LoadProgram.farHost] + words.split(separator: " ").map(String.init))
    }

    private static func filterFar(_ commands: String) async throws {
        try await tool("nft", [commands], in: ["/usr/bin/nsenter", "--net=/run/netns/\(LoadProgram.farHost)", "--"])
    }

    private static func tool(_ name: String, _ words: [String], in launcher: [String] = []) async throws {
        let command = try launcher + [ToolBox.tool(name)] + words
        let process = try ChildProcess(command[0], Array(command.dropFirst()))
        guard try await process.waitForExit() == .code(0) else {
            throw TestingError("\(name) \(words): \(process.errors)")
        }
    }
}
