import CSplice
import Glibc
import Testing

extension DataPlaneTests {
    @Suite struct SpinTests {
        @Test func requestsAndAnswers_passThrough() throws {
            try withPlane(loops: 2, configure: { $0.spin_us = 1000 }) { plane in
                let session = try plane.open()
                for _ in 0..<500 {
                    try session.client.send("ping")
                    #expect(try session.upstream.receive(count: 4) == "ping")
                    try session.upstream.send("pong")
                    #expect(try session.client.receive(count: 4) == "pong")
                }
            }
        }

        /// One long wait ends it: nothing turns while nothing happens.
        @Test func idleLoop_sleeps() throws {
            try withPlane(configure: { $0.spin_us = 1000 }) { plane in
                let session = try plane.open()
                try session.client.send("ping")
                #expect(try session.upstream.receive(count: 4) == "ping")
                let before = ProcessFacts.cpuTime()
                usleep(400_000)  // the silence that is looked at
                #expect(ProcessFacts.cpuTime() - before < .milliseconds(150))
            }
        }

        @Test func tooLong_isRefused() {
            var options = csp_options_default()
            options.spin_us = 1001
            var plane: OpaquePointer?
            #expect(csp_plane_create(&options, &plane) == -EINVAL)
        }
    }
}
