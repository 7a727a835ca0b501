import CSplice
import Glibc
import Testing

extension DataPlaneTests {
    @Suite struct BackpressureTests {
        @Test(arguments: Side.allCases, [UInt32(0), 16, 8192])
        func slowReader_stopsTheSender_andLosesNothing(side: Side, pipePages: UInt32) throws {
            let server = try UpstreamServer(receiveBuffer: 4096)
            try withPlane(server: server, configure: { $0.pipe_pages = pipePages }) { plane in
                let session = try plane.open(receiveBuffer: 4096)
                let (sender, reader) = side.split(session)
                let stream = ByteStream(seed: 7)
                let limit = 256 << 20
                let sent = try sender.sendUntilBlocked(stream, limit: limit)
                #expect(sent < limit, "the sender feels that nobody reads")
                try reader.set(SOL_SOCKET, SO_RCVBUF, to: 1 << 20)  // quick from here on
                try reader.receive(stream, count: sent)
                try sender.send(stream, from: sent, count: 100_000)
                try reader.receive(stream, from: sent, count: 100_000)
                try session.client.send("!")
                #expect(try session.upstream.receive(count: 1) == "!")
            }
        }

        @Test(arguments: Side.allCases, [UInt32(0), 16, 8192])
        func endOfStreamBehindAStalledReader_waitsForTheBytes(side: Side, pipePages: UInt32) throws {
            let server = try UpstreamServer(receiveBuffer: 4096)
            try withPlane(server: server, configure: { $0.pipe_pages = pipePages }) { plane in
                let session = try plane.open(receiveBuffer: 4096)
                let (sender, reader) = side.split(session)
                let stream = ByteStream(seed: 8)
                let sent = try sender.sendUntilBlocked(stream, limit: 256 << 20)
                #expect(sent > 200_000, "enough to fill a pipe")
                sender.close()
                try reader.set(SOL_SOCKET, SO_RCVBUF, to: 1 << 20)
                #expect(try reader.receiveToEnd(stream) == sent)
                reader.close()
                let end = try plane.log.end(of: session.number)
                #expect(end.reason == .CSP_END_FINISHED)
                #expect(Int(side == .client ? end.bytes_up : end.bytes_down) == sent)
            }
        }

        @Test func oneStuckDirection_doesNotHoldTheOther() throws {
            try withPlane { plane in
                let session = try plane.open()
                let stream = ByteStream(seed: 9)
                _ = try session.client.sendUntilBlocked(stream, limit: 256 << 20)
                let sender = Worker { try session.upstream.send(stream, count: 20_000_000) }
                try session.client.receive(stream, count: 20_000_000)
                try sender.value()
            }
        }

        /// Every reader stands still, and all that senders can send lies in the kernel or in pipes: our memory does not grow.
        @Test(arguments: [0, 64, 8192])
        func stalledReaders_costNoMemory(pipePages: Int) async {
            await #expect(processExitsWith: .success) { [pipePages = pipePages as Int] in
                let server = try UpstreamServer(receiveBuffer: 4096)
                try withPlane(loops: 2, server: server, configure: { $0.pipe_pages = UInt32(pipePages) }) { plane in
                    let stream = ByteStream(seed: 10)
                    let warmUp = try plane.open(receiveBuffer: 4096)
                    _ = try warmUp.client.sendUntilBlocked(stream, limit: 256 << 20, quiet: .milliseconds(50))
                    let before = ProcessFacts.residentBytes()
                    let sessions = try (0..<24).map { _ in try plane.open(receiveBuffer: 4096) }
                    for session in sessions {
                        let sent = try session.client.sendUntilBlocked(
                            stream, limit: 256 << 20, quiet: .milliseconds(20))
                        try #require(sent > 500_000 && sent < 256 << 20)
                    }
                    let growth = ProcessFacts.residentBytes() - before
                    #expect(growth < 4 << 20, "\(growth) bytes for \(sessions.count) stalled sessions")
                }
            }
        }
    }
}
