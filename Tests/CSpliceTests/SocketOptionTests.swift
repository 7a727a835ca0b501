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
