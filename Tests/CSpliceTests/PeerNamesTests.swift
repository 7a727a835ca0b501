import CSplice
import Testing

extension DataPlaneTests {
    /// Who was joined, said at the end, where somebody wants to know it.
    @Suite struct PeerNamesTests {
        @Test(arguments: [PlaneUnderTest.Entrance.ipv4, .ipv6])
        func finishedSession_namesBothPeers_andWhenItWasJoined(entrance: PlaneUnderTest.Entrance) throws {
            try withPlane(entrance: entrance) { plane in
                csp_plane_name_peers(plane.plane, true)
                let session = try plane.open()
                let port = try boundPort(of: session.client.descriptor)
                session.client.close()
                session.upstream.close()
                let end = try plane.log.end(of: session.number)
                #expect(isSame(end.client, entrance == .ipv6 ? .loopback6(port: port) : .loopback4(port: port)))
                #expect(isSame(end.upstream, plane.server.address))
                #expect(UInt64(end.joined_after_us) <= end.elapsed_ns / 1_000)
            }
        }

        @Test func clientThatResets_isNamed_alsoAfterAMove() throws {
            try withPlane(loops: 2) { plane in
                csp_plane_name_peers(plane.plane, true)
                var session = try plane.open()
                let port = try boundPort(of: session.client.descriptor)
                try plane.move(&session, to: 1 - session.loop)
                session.client.reset()
                let end = try plane.log.end(of: session.number)
                #expect(end.reason == .CSP_END_DOWNSTREAM_RESET)
                #expect(isSame(end.client, .loopback4(port: port)))
                #expect(isSame(end.upstream, plane.server.address))
                #expect(end.joined_after_us != .max)
            }
        }

        @Test func unixClient_hasNoName() throws {
            try withPlane(entrance: .unix) { plane in
                csp_plane_name_peers(plane.plane, true)
                let session = try plane.open()
                session.client.close()
                session.upstream.close()
                let end = try plane.log.end(of: session.number)
                #expect(end.client.port == 0 && isSame(end.upstream, plane.server.address))
            }
        }

        @Test func nobodyIsNamed_unlessItIsWanted() throws {
            try withPlane { plane in
                let session = try plane.open()
                session.client.close()
                session.upstream.close()
                let end = try plane.log.end(of: session.number)
                #expect(end.client.port == 0 && end.upstream.port == 0)
            }
        }

        private func isSame(_ one: csp_address, _ other: csp_address) -> Bool {
            let bytes = { (address: csp_address) in withUnsafeBytes(of: address.ip) { Array($0) } }
            return one.family == other.family && one.port == other.port && bytes(one) == bytes(other)
        }
    }
}
