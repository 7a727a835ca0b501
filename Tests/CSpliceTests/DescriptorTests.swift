import CSplice
import Glibc
import Testing

extension DataPlaneTests {
    /// Each in a process of its own, where nobody else opens or closes anything.
    @Suite struct DescriptorTests {
        @Test func idleSession_holdsTwoDescriptors() async {
            await #expect(processExitsWith: .success) {
                try withPlane(loops: 2) { plane in
                    let before = ProcessFacts.openDescriptors()
                    let sessions = try (0..<100).map { _ in try plane.open() }
                    for session in sessions {
                        try session.client.send("ping")
                        #expect(try session.upstream.receive(count: 4) == "ping")
                        try session.upstream.send("pong")
                        #expect(try session.client.receive(count: 4) == "pong")
                    }
                    // The client, our two, the server.
                    #expect(eventually { ProcessFacts.openDescriptors() - before == 4 * sessions.count })
                    #expect(plane.total(\.pipes) == 0)
                }
            }
        }

        @Test func sessionAfterItsBulk_holdsNoPipe() async {
            await #expect(processExitsWith: .success) {
                try withPlane { plane in
                    let before = ProcessFacts.openDescriptors()
                    let stream = ByteStream(seed: 40)
                    let sessions = try (0..<20).map { _ in try plane.open() }
                    for session in sessions {
                        let sender = Worker { try session.client.send(stream, count: 5_000_000) }
                        try session.upstream.receive(stream, count: 5_000_000)
                        try sender.value()
                    }
                    let pipes = Int(plane.total(\.pipes))
                    #expect(pipes > 0 && pipes <= 4, "\(pipes)")
                    #expect(eventually { ProcessFacts.openDescriptors() - before == 4 * sessions.count + 2 * pipes })
                }
            }
        }

        @Test func fiveHundredSessions_leaveNothingBehind() async {
            await #expect(processExitsWith: .success) {
                signal(SIGPIPE, SIG_IGN)
                let server = try UpstreamServer()
                let silent = try SilentServer()
                let dead = try refusingAddress()
                let before = ProcessFacts.openDescriptors()
                try withPlane(
                    loops: 2, server: server,
                    handler: { [living = server.address, slow = silent.address] loop, event in
                        guard event.kind == .CSP_EVENT_ACCEPTED else { return }
                        // Three attempts for each: one is refused, one never answered, one wins.
                        _ = loop.dial(event.session, dead, attempt: 1)
                        _ = loop.dial(event.session, slow, attempt: 2)
                        _ = loop.dial(event.session, living, attempt: 3)
                    },
                    { plane in
                        for number in 0..<500 { try runSession(number, in: plane) }
                        #expect(eventually { plane.total(\.sessions) == 0 })
                        #expect(plane.total(\.accepted) == 500 && plane.total(\.ended) == 500)
                        // Five more are alive when the plane is destroyed.
                        let kept = try (0..<5).map { _ in try plane.open() }
                        plane.destroy()
                        for session in kept { #expect(try session.client.drain() == (0, .reset)) }
                    })
                #expect(eventually { ProcessFacts.openDescriptors() == before })
            }
        }

        @Test func planes_leaveNothingBehind() async {
            await #expect(processExitsWith: .success) {
                let before = ProcessFacts.openDescriptors { _ in true }
                for _ in 0..<50 { try withPlane(loops: 2) { _ in } }
                // Some for Swift's own threads; one left open by each plane would be 50.
                #expect(ProcessFacts.openDescriptors { _ in true } < before + 10)
            }
        }

        @Test func clientsThatLeaveWhileDialing_leaveNothingBehind() async {
            await #expect(processExitsWith: .success) {
                let silent = try SilentServer()
                let before = ProcessFacts.openDescriptors()
                try withPlane(loops: 2, server: silent.server) { plane in
                    for number in 0..<200 {
                        let client = try Peer(connectedTo: plane.entrance)
                        if number % 2 == 0 { client.reset() } else { client.close() }
                    }
                    #expect(eventually { plane.log.count(of: .CSP_EVENT_ENDED) == 200 })
                    #expect(plane.log.all(of: .CSP_EVENT_ENDED).allSatisfy { $0.event.reason == .CSP_END_CLIENT_LEFT })
                    plane.destroy()
                }
                #expect(eventually { ProcessFacts.openDescriptors() == before })
            }
        }
    }
}

/// One session with bulk in one direction, ended in one of several ways.
private func runSession(_ number: Int, in plane: PlaneUnderTest) throws {
    let session = try plane.open()
    let stream = ByteStream.shared
    switch number % 5 {
    case 0:
        session.client.close()
        session.upstream.close()
    case 1:
        session.client.reset()
    case 2:
        session.upstream.reset()
    case 3:
        _ = try session.client.sendUntilBlocked(stream, limit: 256 << 20, quiet: .milliseconds(2))
        session.client.reset()
    default:
        let sender = Worker { try session.client.send(stream, count: 500_000) }
        try session.upstream.receive(stream, count: 500_000)
        try sender.value()
        let closed = plane.perform(on: session) { csp_session_close($0.pointer, session.number, true, nil) }
        #expect(closed == 0)
    }
}

extension ByteStream {
    fileprivate static let shared = ByteStream(seed: 41)
}
