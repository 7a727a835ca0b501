import CSplice
import Glibc
import Testing

extension DataPlaneTests {
    @Suite struct SocketOptionTests {
        @Test func bothLegs_haveTheirOptions() throws {
            try withPlane(configure: { ($0.keepalive_s, $0.user_timeout_ms) = (21, 34_000) }) { plane in
                let session = try plane.open()
                let record = try plane.take(session.number, from: 0).get()
                for descriptor in [record.downstream, record.upstream] {
                    let leg = Peer(owning: descriptor)
                    #expect(try leg.option(Int32(IPPROTO_TCP), TCP_NODELAY) == 1)
                    #expect(try leg.option(SOL_SOCKET, SO_KEEPALIVE) == 1)
                    #expect(try leg.option(Int32(IPPROTO_TCP), TCP_KEEPIDLE) == 21)
                    #expect(try leg.option(Int32(IPPROTO_TCP), TCP_KEEPINTVL) == 21)
                    #expect(try leg.option(Int32(IPPROTO_TCP), TCP_USER_TIMEOUT) == 34_000)
                    #expect(fcntl(descriptor, F_GETFL) & O_NONBLOCK != 0)
                    #expect(fcntl(descriptor, F_GETFD) & FD_CLOEXEC != 0)
                }
            }
        }

        @Test func adoptedListener_passesTheOptionsOn() throws {
            try withPlane { plane in
                let (descriptor, door) = try listeningSocket()
                try #require(csp_plane_adopt_listener(plane.plane, descriptor) >= 0)
                let session = try plane.open(through: door)
                let record = try plane.take(session.number, from: 0).get()
                let (downstream, _) = (Peer(owning: record.downstream), Peer(owning: record.upstream))
                #expect(try downstream.option(Int32(IPPROTO_TCP), TCP_NODELAY) == 1)
                #expect(try downstream.option(SOL_SOCKET, SO_KEEPALIVE) == 1)
                #expect(fcntl(record.downstream, F_GETFL) & O_NONBLOCK != 0)
            }
        }

        /// They have connected before anybody said how their connections are to be.
        @Test func clientsWhoWaitedAtAnAdoptedListener_haveTheOptionsToo() throws {
            try withPlane(configure: { $0.keepalive_s = 21 }) { plane in
                let (descriptor, door) = try listeningSocket()
                let early = try (0..<3).map { _ in try Peer(connectedTo: door) }
                try #require(csp_plane_adopt_listener(plane.plane, descriptor) >= 0)
                for client in early {
                    let upstream = try plane.server.accept()
                    try upstream.send("x")
                    #expect(try client.receive(count: 1) == "x")
                }
                let late = try plane.open(through: door)
                let sessions = plane.log.all(of: .CSP_EVENT_OPENED).map(\.event.session)
                #expect(sessions.count == 4 && sessions.contains(late.number))
                for session in sessions {
                    let record = try plane.take(session, from: 0).get()
                    let (downstream, _) = (Peer(owning: record.downstream), Peer(owning: record.upstream))
                    #expect(try downstream.option(Int32(IPPROTO_TCP), TCP_NODELAY) == 1)
                    #expect(try downstream.option(SOL_SOCKET, SO_OOBINLINE) == 1)
                    #expect(try downstream.option(Int32(IPPROTO_TCP), TCP_KEEPIDLE) == 21)
                }
            }
        }

        @Test func changedPatience_isThatOfNewSessions_andOldOnesKeepTheirs() throws {
            try withPlane(configure: { ($0.keepalive_s, $0.user_timeout_ms) = (21, 34_000) }) { plane in
                let old = try plane.open()
                #expect(csp_plane_change(plane.plane, 100, 22, 0) == 0)
                let new = try plane.open()
                let (before, after) = (
                    try plane.take(old.number, from: 0).get(), try plane.take(new.number, from: 0).get()
                )
                let (oldLeg, newLegs) = (Peer(owning: before.downstream), [after.downstream, after.upstream])
                let unused = Peer(owning: before.upstream)
                #expect(try oldLeg.option(Int32(IPPROTO_TCP), TCP_KEEPIDLE) == 21)
                #expect(try oldLeg.option(Int32(IPPROTO_TCP), TCP_USER_TIMEOUT) == 34_000)
                for descriptor in newLegs {
                    let leg = Peer(owning: descriptor)
                    #expect(try leg.option(Int32(IPPROTO_TCP), TCP_KEEPIDLE) == 22)
                    #expect(try leg.option(Int32(IPPROTO_TCP), TCP_USER_TIMEOUT) == 0)
                }
                _ = unused
            }
        }

        /// A client's leg has it from its listener; the other one gets it when that is worth the calls.
        @Test func upstreamLeg_getsItsKeepalive_whenTheSessionIsASecondOld() throws {
            try withPlane { plane in
                let session = try plane.open()
                let port = plane.server.address.port
                try session.client.send("ping")
                #expect(try session.upstream.receive(count: 4) == "ping")
                #expect(KernelTimers.keepalives(to: port) == 0)
                #expect(eventually { KernelTimers.keepalives(to: port) == 1 })
            }
        }

        @Test func userTimeoutOfZero_leavesTheSystems() throws {
            try withPlane(configure: { $0.user_timeout_ms = 0 }) { plane in
                let session = try plane.open()
                let record = try plane.take(session.number, from: 0).get()
                for descriptor in [record.downstream, record.upstream] {
                    #expect(try Peer(owning: descriptor).option(Int32(IPPROTO_TCP), TCP_USER_TIMEOUT) == 0)
                }
            }
        }
    }
}

/// What /proc/net/tcp tells of timers.
enum KernelTimers {
    /// IPv4 connections to a port whose keepalive timer runs.
    static func keepalives(to port: UInt16) -> Int {
        guard let table = fopen("/proc/self/net/tcp", "r") else { preconditionFailure("/proc is mounted") }
        defer { fclose(table) }
        let suffix = ":" + String(Int(port) + 0x10000, radix: 16, uppercase: true).dropFirst()
        var line = [CChar](repeating: 0, count: 512)
        var count = 0
        while fgets(&line, Int32(line.count), table) != nil {
            let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            let fields = text.split(separator: " ")
            guard fields.count > 5, fields[2].hasSuffix(suffix), fields[3] == "01" else { continue }
            if fields[5].hasPrefix("02:") { count += 1 }
        }
        return count
    }
}
