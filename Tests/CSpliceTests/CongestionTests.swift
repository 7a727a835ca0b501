import CSplice
import Glibc
import Testing

extension DataPlaneTests {
    @Suite struct CongestionTests {
        @Test(arguments: [PlaneUnderTest.Entrance.ipv4, .ipv6])
        func legsOverLoopback_useReno(entrance: PlaneUnderTest.Entrance) throws {
            try withPlane(entrance: entrance) { plane in
                let legs = try legs(of: plane.open(), in: plane)
                #expect(legs.downstream.congestion == "reno")
                #expect(legs.upstream.congestion == "reno")
            }
        }

        /// A listener on all addresses has other clients too, so its own setting is left alone.
        @Test func clientOverLoopback_ofAWildcardListener_usesReno() throws {
            try withPlane { plane in
                var everywhere = csp_address.ipv4(0, 0, 0, 0, port: 0)
                let listener = csp_plane_listen(plane.plane, &everywhere)
                try #require(listener >= 0)
                var bound = csp_address()
                try #require(csp_plane_listener_address(plane.plane, UInt32(listener), &bound) == 0)
                let session = try plane.open(through: .ip(.loopback4(port: bound.port)))
                #expect(try legs(of: session, in: plane).downstream.congestion == "reno")
            }
        }

        @Test(arguments: ["", "no_such_thing"])
        func noName_orAnUnknownOne_leavesTheMachinesChoice(name: String) throws {
            let configure = { (options: inout csp_options) in
                #expect(csp_options_set_loopback_congestion(&options, name) == 0)
            }
            try withPlane(configure: configure) { plane in
                let legs = try legs(of: plane.open(), in: plane)
                let choice = try UpstreamServer.machinesCongestion()
                #expect(legs.downstream.congestion == choice)
                #expect(legs.upstream.congestion == choice)
            }
        }

        @Test func names_areTriedBeforehand() {
            var options = csp_options_default()
            #expect(csp_options_try_loopback_congestion(&options) == 0)
            #expect(csp_options_set_loopback_congestion(&options, "no_such_thing") == 0)
            #expect(csp_options_try_loopback_congestion(&options) == -ENOENT)
            #expect(csp_options_set_loopback_congestion(&options, "sixteen_letters_") == -ENAMETOOLONG)
            #expect(csp_options_set_loopback_congestion(&options, "") == 0)
            #expect(csp_options_try_loopback_congestion(&options) == 0)
        }

        private func legs(of session: OpenSession, in plane: PlaneUnderTest) throws -> (
            downstream: Peer, upstream: Peer
        ) {
            let record = try plane.take(session.number, from: session.loop).get()
            return (Peer(owning: record.downstream), Peer(owning: record.upstream))
        }
    }
}

extension Peer {
    /// The congestion control of its connection.
    fileprivate var congestion: String {
        var name = [UInt8](repeating: 0, count: 16)
        var length = socklen_t(name.count)
        guard getsockopt(descriptor, Int32(IPPROTO_TCP), TCP_CONGESTION, &name, &length) == 0 else { return "?" }
        return String(decoding: name.prefix { $0 != 0 }, as: UTF8.self)
    }
}

extension UpstreamServer {
    /// What a new socket has.
    fileprivate static func machinesCongestion() throws -> String {
        Peer(owning: socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)).congestion
    }
}
