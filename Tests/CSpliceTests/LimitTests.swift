import CSplice
import Glibc
import Testing

extension DataPlaneTests {
    @Suite struct LimitTests {
        @Test func sessionsAtTheirLimit_makeFurtherClientsWait() throws {
            try withPlane(loops: 2, configure: { $0.max_sessions = 3 }) { plane in
                let sessions = try (0..<3).map { _ in try plane.open() }
                let waiting = try Peer(connectedTo: plane.entrance)
                try waiting.send("patience")
                let paused = try plane.log.first(.CSP_EVENT_ACCEPT_PAUSED).event
                #expect(paused.listener == plane.listener && paused.error == 0)
                #expect(staysUnchanged(for: .milliseconds(300)) { Int(plane.total(\.accepted)) })
                let turns = plane.total(\.turns)
                #expect(!eventually(within: .milliseconds(300)) { plane.total(\.turns) > turns + 20 }, "no spin")
                sessions[1].client.reset()
                let upstream = try plane.server.accept(within: .seconds(2))
                #expect(try upstream.receive(count: 8) == "patience")
                #expect(try plane.log.first(.CSP_EVENT_ACCEPT_RESUMED).event.listener == plane.listener)
            }
        }

        @Test func limitThatIsRaised_letsInWhoWaits_andOneThatIsLowered_nobody() throws {
            try withPlane(loops: 2, configure: { $0.max_sessions = 1 }) { plane in
                let first = try plane.open()
                let waiting = try Peer(connectedTo: plane.entrance)
                try waiting.send("patience")
                _ = try plane.log.first(.CSP_EVENT_ACCEPT_PAUSED)
                #expect(staysUnchanged(for: .milliseconds(300)) { Int(plane.total(\.accepted)) })
                #expect(csp_plane_change(plane.plane, 2, 15, 120_000) == 0)
                let upstream = try plane.server.accept(within: .seconds(2))
                #expect(try upstream.receive(count: 8) == "patience")
                #expect(csp_plane_change(plane.plane, 1, 15, 120_000) == 0)
                let third = try Peer(connectedTo: plane.entrance)
                #expect(staysUnchanged(for: .milliseconds(300)) { Int(plane.total(\.accepted)) })
                try first.client.send("ping")
                #expect(try first.upstream.receive(count: 4) == "ping", "open sessions stay")
                _ = third
            }
        }

        @Test func changeOutOfRange_isRefused_andChangesNothing() throws {
            try withPlane { plane in
                #expect(csp_plane_change(plane.plane, 0, 15, 0) == -EINVAL)
                #expect(csp_plane_change(plane.plane, 1, 0, 0) == -EINVAL)
                _ = try (0..<2).map { _ in try plane.open() }
            }
        }

        @Test func everyWayToEnd_letsTheNextClientIn() throws {
            try withPlane(configure: { $0.max_sessions = 1 }) { plane in
                var current = try plane.open()
                for way in 0..<10 {
                    let next = try Peer(connectedTo: plane.entrance)
                    let number = current.number
                    switch way % 5 {
                    case 0: current.client.reset()
                    case 1: current.upstream.reset()
                    case 2: _ = plane.loops[0].perform { csp_session_close($0.pointer, number, true, nil) }
                    case 3: _ = plane.loops[0].perform { csp_loop_reset_endpoint($0.pointer, 0, 1) }
                    default:
                        current.client.close()
                        current.upstream.close()
                    }
                    let upstream = try plane.server.accept(within: .seconds(2))
                    let opened = try plane.log.first(.CSP_EVENT_OPENED) { [number = current.number] event in
                        event.session >> 32 > number >> 32
                    }
                    current = OpenSession(client: next, upstream: upstream, loop: 0, number: opened.event.session)
                }
            }
        }

        @Test func everyListener_isPausedAndResumed() throws {
            try withPlane(configure: { $0.max_sessions = 1 }) { plane in
                let (number, door) = try plane.listen(.unix)
                let first = try plane.open()
                let (second, third) = try (Peer(connectedTo: door), Peer(connectedTo: plane.entrance))
                _ = try plane.log.first(.CSP_EVENT_ACCEPT_PAUSED) { $0.listener == number }
                _ = try plane.log.first(.CSP_EVENT_ACCEPT_PAUSED) { $0.listener == plane.listener }
                first.client.reset()
                for opened in 2...3 {
                    let upstream = try plane.server.accept(within: .seconds(2))
                    // A reset before the loop has seen the connection is a dial that failed.
                    #expect(eventually { plane.log.count(of: .CSP_EVENT_OPENED) == opened })
                    upstream.reset()
                }
                _ = (try second.drain(), try third.drain())
            }
        }

        @Test func pausedListener_canBeClosed() throws {
            try withPlane(configure: { $0.max_sessions = 1 }) { plane in
                let first = try plane.open()
                let waiting = try Peer(connectedTo: plane.entrance)
                _ = try plane.log.first(.CSP_EVENT_ACCEPT_PAUSED)
                #expect(csp_plane_unlisten(plane.plane, plane.listener) == 0)
                #expect(try waiting.drain().bytes == 0)
                first.client.reset()
                _ = try plane.log.end(of: first.number)
                let (_, door) = try plane.listen(.ipv4)
                let next = try plane.open(through: door)
                #expect(next.number != first.number)
                #expect(plane.log.count(of: .CSP_EVENT_ACCEPT_RESUMED) == 0)
            }
        }

        @Test func attemptBeyondTheDescriptors_isRefused_andTheFirstOneServes() throws {
            let silent = try SilentServer()
            try withPlane(configure: { $0.max_descriptors = 5 }, handler: { _, _ in }) { plane in
                let clients = try (0..<2).map { _ in try Peer(connectedTo: plane.entrance) }
                #expect(eventually { plane.log.count(of: .CSP_EVENT_ACCEPTED) == 2 })
                let session = plane.log.all(of: .CSP_EVENT_ACCEPTED)[0].event.session
                let (slow, quick) = (silent.address, plane.server.address)
                #expect(plane.loops[0].perform { $0.dial(session, slow, attempt: 1) } == 0)
                #expect(plane.loops[0].perform { $0.dial(session, slow, attempt: 2) } == 0)
                #expect(plane.loops[0].perform { $0.dial(session, quick, attempt: 3) } == -EMFILE)
                #expect(plane.loops[0].perform { csp_session_cancel_dial($0.pointer, session, 2) } == 0)
                #expect(plane.loops[0].perform { $0.dial(session, quick, attempt: 4) } == 0)
                let upstream = try plane.server.accept()
                try clients[0].send("x")
                #expect(try upstream.receive(count: 1) == "x")
            }
        }

        /// Pipes at rest are a convenience; clients come first.
        @Test(arguments: [UInt32(1), 2])
        func pipesAtRest_giveWayToSessions(loops: UInt32) throws {
            let server = try UpstreamServer(receiveBuffer: 4096)
            try withPlane(loops: loops, server: server, configure: { $0.max_descriptors = 40 }) { plane in
                var sessions = try (0..<6).map { _ in try plane.open() }
                try fillAndEmptyPipes(of: sessions)
                #expect(plane.total(\.pipes) > 2, "otherwise this test shows nothing")
                while sessions.count < 20 { sessions.append(try plane.open()) }
            }
        }

        /// A flow that ends its bulk gives its pipe back: that, too, makes room for a client.
        @Test func pipesGivenBack_letWaitingClientsIn() throws {
            let server = try UpstreamServer(receiveBuffer: 4096)
            try withPlane(server: server, configure: { $0.max_descriptors = 40 }) { plane in
                var sessions = try (0..<6).map { _ in try plane.open() }
                let stream = ByteStream(seed: 30)
                let counts = try sessions.map {
                    try $0.client.sendUntilBlocked(stream, limit: 256 << 20, quiet: .milliseconds(50))
                }
                let pipes = Int(plane.total(\.pipes))
                #expect(pipes > 0)
                while sessions.count < 20 - pipes { sessions.append(try plane.open()) }
                let waiting = try Peer(connectedTo: plane.entrance)
                try waiting.send("patience")
                _ = try plane.log.first(.CSP_EVENT_ACCEPT_PAUSED)
                #expect(staysUnchanged(for: .milliseconds(300)) { Int(plane.total(\.accepted)) })
                for (session, count) in zip(sessions, counts) {
                    try session.upstream.set(SOL_SOCKET, SO_RCVBUF, to: 1 << 20)
                    try session.upstream.receive(stream, count: count)
                }
                let upstream = try plane.server.accept(within: .seconds(2))
                #expect(try upstream.receive(count: 8) == "patience")
            }
        }

        @Test func optionsOutOfRange_areRefused() throws {
            let wrong: [(inout csp_options) -> Void] = [
                { $0.loops = 0 }, { $0.loops = UInt32(CSP_LOOPS_MAX) + 1 }, { $0.max_sessions = 0 },
                { $0.max_descriptors = 3 }, { $0.keepalive_s = 0 }, { $0.backlog = 0 },
            ]
            for change in wrong {
                #expect(throws: PlaneUnderTest.Refused(errno: EINVAL)) { try withPlane(configure: change) { _ in } }
            }
        }

        @Test(arguments: [DescriptorShortage(beyond: 0), DescriptorShortage(beyond: 8)])
        func twoHundredClients_andFortyDescriptors_allAreServed(shortage: DescriptorShortage) async throws {
            let server = try UpstreamServer()
            let control = try UpstreamServer()
            let clients = Worker { try serveAndBeServed(clients: 200, server: server, control: control) }
            let (serverPort, controlPort, beyond) = (server.address.port, control.address.port, shortage.beyond)
            await #expect(processExitsWith: .success) {
                [serverPort = serverPort as UInt16, controlPort = controlPort as UInt16, beyond = beyond as Int] in
                try runPlane(descriptors: 40, beyond: beyond, serverPort: serverPort, controlPort: controlPort)
            }
            #expect(try clients.value() == 200)
        }
    }
}

/// By how many descriptors the plane is told more than there are: with some, the kernel is the one who says no.
struct DescriptorShortage: Sendable, CustomTestStringConvertible {
    let beyond: Int
    var testDescription: String { "\(beyond) beyond" }
}

/// Fills a pipe per session; then lets everything through again, so that the pipes go back empty.
private func fillAndEmptyPipes(of sessions: [OpenSession]) throws {
    let stream = ByteStream(seed: 31)
    let counts = try sessions.map { try $0.client.sendUntilBlocked(stream, limit: 256 << 20, quiet: .milliseconds(50)) }
    for (session, count) in zip(sessions, counts) {
        try session.upstream.set(SOL_SOCKET, SO_RCVBUF, to: 1 << 20)
        try session.upstream.receive(stream, count: count)
    }
}

// MARK: the plane's process

/// A plane in a process that may have so few descriptors. It tells its port, then what it saw while it was paused.
private func runPlane(descriptors: Int, beyond: Int, serverPort: UInt16, controlPort: UInt16) throws {
    let control = try Peer(connectedTo: .ip(.loopback4(port: controlPort)))
    let address = csp_address.loopback4(port: serverPort)
    let undialed = Guarded<[csp_session]>([])
    let unused = try UpstreamServer()
    let used = ProcessFacts.openDescriptors { _ in true } + 3 + 4  // epoll, eventfd, listener; Swift's own threads
    try withPlane(
        server: unused, configure: { $0.max_descriptors = UInt32(descriptors - used + beyond) },
        handler: { loop, event in
            // What cannot be dialed for a shortage of ours waits until a session has ended.
            if event.kind == .CSP_EVENT_ACCEPTED { undialed.withLock { $0.append(event.session) } }
            guard event.kind == .CSP_EVENT_ACCEPTED || event.kind == .CSP_EVENT_ENDED else { return }
            undialed.withLock { sessions in sessions.removeAll { loop.dial($0, address) != -EMFILE } }
        },
        { plane in
            try ProcessFacts.limitDescriptors(to: descriptors)
            guard case .ip(let entrance) = plane.entrance else { return }
            try control.send(padded(entrance.port))
            let paused = try plane.log.first(.CSP_EVENT_ACCEPT_PAUSED)
            #expect(beyond > 0 || paused.event.error == 0)
            let (turns, cpuTime) = (plane.total(\.turns), ProcessFacts.cpuTime())
            #expect(!eventually(within: .milliseconds(500)) { plane.total(\.turns) > turns + 40 }, "it spins")
            #expect(ProcessFacts.cpuTime() - cpuTime < .milliseconds(200), "\(ProcessFacts.cpuTime() - cpuTime)")
            try control.send("go")
            #expect(eventually { plane.log.count(of: .CSP_EVENT_ENDED) == 200 }, "\(plane.log.mark) events")
            #expect(plane.log.all(of: .CSP_EVENT_ENDED).allSatisfy { $0.event.reason == .CSP_END_FINISHED })
            #expect(plane.total(\.accepted) == 200)
            if beyond == 0 { #expect(plane.total(\.accept_errors) == 0) }
            let shortages = plane.loops.map { csp_loop_accept_errors($0.handle.pointer, UInt32(EMFILE)) }.reduce(0, +)
            #expect(shortages == plane.total(\.accept_errors), "each by its number")
        })
}

private func padded(_ port: UInt16) -> String {
    String(String(100_000 + Int(port)).dropFirst())
}

// MARK: the clients' and the server's process

/// Two hundred clients at once; the server answers none before the plane has been looked at. How many were served.
private func serveAndBeServed(clients count: Int, server: UpstreamServer, control: UpstreamServer) throws -> Int {
    let control = try control.accept()
    guard let port = UInt16(try control.receive(count: 5)) else { preconditionFailure("the port, as sent above") }
    var waiting = try (0..<count).map { number in
        let client = try Peer(connectedTo: .ip(.loopback4(port: port)))
        try client.send("question \(1000 + number)")
        return (client, "answer to question \(1000 + number)")
    }
    _ = try control.receive(count: 2)
    let answering = Worker {
        for _ in 0..<count {
            let upstream = try server.accept()
            let question = try upstream.receive(count: 13)
            try upstream.send("answer to \(question)")
            upstream.close()
        }
    }
    let deadline = Deadline(in: .seconds(30))
    while !waiting.isEmpty && !deadline.hasPassed {
        try waiting.removeAll { client, answer in
            var request = pollfd(fd: client.descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&request, 1, 0) == 1 else { return false }
            guard try client.receiveToEnd() == answer else { throw SocketFailure.wrongBytes(near: 0) }
            client.close()
            return true
        }
        usleep(500)
    }
    try answering.value()
    return count - waiting.count
}
