import CSplice
import Testing

extension DataPlaneTests {
    @Suite struct PingPongTests {
        @Test(arguments: [PlaneUnderTest.Entrance.ipv4, .ipv6, .unix])
        func questionAndAnswer_passThrough(entrance: PlaneUnderTest.Entrance) throws {
            try withPlane(entrance: entrance) { plane in
                let session = try plane.open()
                for round in 0..<50 {
                    try session.client.send("ping \(round)!")
                    #expect(try session.upstream.receive(count: "ping \(round)!".utf8.count) == "ping \(round)!")
                    try session.upstream.send("pong \(round)?")
                    #expect(try session.client.receive(count: "pong \(round)?".utf8.count) == "pong \(round)?")
                }
            }
        }

        @Test func upstreamOverIPv6_isReached() throws {
            try withPlane(server: try UpstreamServer(at: .loopback6())) { plane in
                let session = try plane.open()
                try session.client.send("ping")
                #expect(try session.upstream.receive(count: 4) == "ping")
            }
        }

        @Test func upstreamMaySpeakFirst() throws {
            try withPlane { plane in
                let session = try plane.open()
                try session.upstream.send("welcome")
                #expect(try session.client.receive(count: 7) == "welcome")
            }
        }
    }
}
