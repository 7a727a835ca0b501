import CSplice
import Glibc
import Testing

extension DataPlaneTests {
    @Suite struct TakeAndAdoptTests {
        @Test(arguments: [UInt32(0), 16, 8192])
        func sessionMovedDuringBulk_losesNothing(pipePages: UInt32) throws {
            try withPlane(loops: 2, configure: { $0.pipe_pages = pipePages }) { plane in
                var session = try plane.open()
                let moving = session
                let count = BulkTests.mebibytes << 17
                let traffic = Worker { try exchange(over: moving, count: count, seed: 20) }
                var moves = 0
                do {
                    while moves < 5000 {
                        try plane.move(&session, to: 1 - session.loop)
                        moves += 1
                    }
                } catch let refused as PlaneUnderTest.Refused where refused.errno == ENOENT {
                    // It has ended.
                }
                try traffic.value()
                #expect(moves > 20)
                let end = try plane.log.first(.CSP_EVENT_ENDED).event
                #expect(end.reason == .CSP_END_FINISHED)
                #expect(end.bytes_up == UInt64(count) && end.bytes_down == UInt64(count))
                #expect(plane.log.count(of: .CSP_EVENT_ENDED) == 1)
                #expect(plane.total(\.sessions) == 0)
            }
        }

        @Test(arguments: [PlaneUnderTest.Entrance.ipv4, .unix], 0..<4)
        func sessionMovedDuringRandomTraffic_losesNothing(entrance: PlaneUnderTest.Entrance, round: Int) throws {
            let server = try UpstreamServer(receiveBuffer: 8192, sendBuffer: 8192)
            try withPlane(loops: 2, entrance: entrance, server: server) { plane in
                var session = try plane.open(receiveBuffer: 8192, sendBuffer: 8192)
                let moving = session
                let seed = UInt64(300 + round)
                let traffic = Worker {
                    try exchange(over: moving, count: 1_000_000, seed: seed, rhythm: Rhythm.random)
                }
                do {
                    while true { try plane.move(&session, to: 1 - session.loop) }
                } catch let refused as PlaneUnderTest.Refused where refused.errno == ENOENT {
                    // It has ended.
                }
                try traffic.value()
                let end = try plane.log.first(.CSP_EVENT_ENDED).event
                #expect(end.reason == .CSP_END_FINISHED)
                #expect(end.bytes_up == 1_000_000 && end.bytes_down == 1_000_000)
            }
        }

        @Test func idleSession_isTwoDescriptors_andMovesWithItsCounts() throws {
            try withPlane(loops: 2) { plane in
                var session = try plane.open()
                try session.client.send("ping")
                #expect(try session.upstream.receive(count: 4) == "ping")
                let record = try plane.take(session.number, from: session.loop).get()
                #expect(record.downstream >= 0 && record.upstream >= 0)
                #expect(record.bytes_in_pipe_up == 0 && record.bytes_in_pipe_down == 0)
                #expect(record.pipe_up.0 == -1 && record.pipe_up.1 == -1)
                #expect(record.pipe_down.0 == -1 && record.pipe_down.1 == -1)
                #expect(record.ended_up == 0 && record.ended_down == 0)
                #expect(record.bytes_up == 4 && record.bytes_down == 0)
                #expect(record.endpoint == 0 && record.opened_at_ns > 0)
                #expect(plane.total(\.sessions) == 0)
                try session.client.send("asleep")
                #expect(staysUnchanged(for: .milliseconds(50)) { bytesWaiting(session.upstream.descriptor) })
                session.loop = 1 - session.loop
                session.number = try plane.adopt(record, by: session.loop).get()
                #expect(try session.upstream.receive(count: 6) == "asleep")
                session.client.close()
                session.upstream.close()
                let end = try plane.log.end(of: session.number)
                #expect(end.bytes_up == 10)
                #expect(end.elapsed_ns < 60_000_000_000)
            }
        }

        @Test(arguments: Side.allCases)
        func halfClosedSession_staysHalfClosed(side: Side) throws {
            try withPlane(loops: 2) { plane in
                var session = try plane.open()
                let (closer, other) = side.split(session)
                try closer.send("last words")
                try closer.shutdownWrite()
                #expect(try other.receiveToEnd() == "last words")
                let ended = { () -> csp_session_record? in try? plane.take(session.number, from: session.loop).get() }
                let record = try #require(ended())
                #expect(record.ended_up == (side == .client ? 1 : 0))
                #expect(record.ended_down == (side == .client ? 0 : 1))
                session.loop = 1 - session.loop
                session.number = try plane.adopt(record, by: session.loop).get()
                try other.send("answer")
                #expect(try closer.receive(count: 6) == "answer")
                #expect(plane.log.count(of: .CSP_EVENT_ENDED) == 0)
                other.close()
                #expect(try closer.receiveToEnd() == "")
                #expect(try plane.log.end(of: session.number).reason == .CSP_END_FINISHED)
            }
        }

        @Test(arguments: Side.allCases)
        func stalledSession_carriesItsBytesInAPipe(side: Side) throws {
            let server = try UpstreamServer(receiveBuffer: 4096)
            try withPlane(loops: 2, server: server) { plane in
                var session = try plane.open(receiveBuffer: 4096)
                let (sender, reader) = side.split(session)
                let stream = ByteStream(seed: 21)
                let sent = try sender.sendUntilBlocked(stream, limit: 256 << 20)
                sender.close()
                let record = try plane.take(session.number, from: session.loop).get()
                let isUp = side == .client
                let (pipe, other) = isUp ? (record.pipe_up, record.pipe_down) : (record.pipe_down, record.pipe_up)
                #expect((isUp ? record.bytes_in_pipe_up : record.bytes_in_pipe_down) > 0)
                #expect(bytesWaiting(pipe.0) == Int(isUp ? record.bytes_in_pipe_up : record.bytes_in_pipe_down))
                #expect((isUp ? record.bytes_in_pipe_down : record.bytes_in_pipe_up) == 0)
                #expect(other.0 == -1 && other.1 == -1)
                session.loop = 1 - session.loop
                session.number = try plane.adopt(record, by: session.loop).get()
                try reader.set(SOL_SOCKET, SO_RCVBUF, to: 1 << 20)
                #expect(try reader.receiveToEnd(stream) == sent)
                reader.close()
                let end = try plane.log.end(of: session.number)
                #expect(end.reason == .CSP_END_FINISHED)
                #expect(Int(isUp ? end.bytes_up : end.bytes_down) == sent)
            }
        }

        /// Bytes that were copied and not sent lie in private memory, also where no pipe is ever used for speed.
        @Test(arguments: [UInt32(0), 8192])
        func stalledThinFlow_isTakenWithItsBytes(pipePages: UInt32) throws {
            let server = try UpstreamServer(receiveBuffer: 4096)
            try withPlane(loops: 2, server: server, configure: { $0.pipe_pages = pipePages }) { plane in
                var session = try plane.open()
                let stream = ByteStream(seed: 22)
                let sent = try trickleUntilStalled(stream, over: session.client, plane)
                let record = try plane.take(session.number, from: session.loop).get()
                #expect(record.bytes_in_pipe_up > 0)
                #expect(bytesWaiting(record.pipe_up.0) == Int(record.bytes_in_pipe_up))
                session.loop = 1 - session.loop
                session.number = try plane.adopt(record, by: session.loop).get()
                try session.client.shutdownWrite()
                try session.upstream.set(SOL_SOCKET, SO_RCVBUF, to: 1 << 20)
                #expect(try session.upstream.receiveToEnd(stream) == sent)
            }
        }

        @Test func resetWhileOutsideOfAnyLoop_isFoundByTheAdopter() throws {
            try withPlane(loops: 2) { plane in
                let session = try plane.open()
                let record = try plane.take(session.number, from: session.loop).get()
                session.client.reset()
                let number = try plane.adopt(record, by: 1 - session.loop).get()
                #expect(try plane.log.end(of: number).reason == .CSP_END_DOWNSTREAM_RESET)
                #expect(try session.upstream.drain() == (0, .reset))
            }
        }

        @Test func sessionMovesToAnotherPlane() throws {
            try withPlane { first in
                try withPlane { second in
                    let session = try first.open()
                    let record = try first.take(session.number, from: 0).get()
                    _ = try second.adopt(record, by: 0).get()
                    first.destroy()
                    try session.client.send("ping")
                    #expect(try session.upstream.receive(count: 4) == "ping")
                    try session.upstream.send("pong")
                    #expect(try session.client.receive(count: 4) == "pong")
                }
            }
        }

        @Test func dialingSession_isNotTaken() throws {
            let silent = try SilentServer()
            try withPlane(server: silent.server) { plane in
                let client = try Peer(connectedTo: plane.entrance)
                let session = try plane.log.first(.CSP_EVENT_ACCEPTED).event.session
                #expect(refusal(of: plane.take(session, from: 0)) == EINPROGRESS)
                client.close()
                _ = try plane.log.end(of: session)
                #expect(refusal(of: plane.take(session, from: 0)) == ENOENT)
            }
        }

        @Test func recordWithoutSense_isNotAdopted() throws {
            try withPlane { plane in
                let session = try plane.open()
                let record = try plane.take(session.number, from: 0).get()
                var wrong = record
                wrong.endpoint = UInt32(CSP_ENDPOINTS_MAX)
                #expect(refusal(of: plane.adopt(wrong, by: 0)) == EINVAL)
                wrong = record
                wrong.upstream = -1
                #expect(refusal(of: plane.adopt(wrong, by: 0)) == EINVAL)
                wrong = record
                wrong.upstream = wrong.downstream
                #expect(refusal(of: plane.adopt(wrong, by: 0)) == EEXIST)
                #expect(plane.total(\.sessions) == 0)
                _ = try plane.adopt(record, by: 0).get()
                try session.client.send("ping")
                #expect(try session.upstream.receive(count: 4) == "ping")
            }
        }

        @Test func adoptedSession_endedAtOnce_tellsItsAge() throws {
            try withPlane(loops: 2) { plane in
                for _ in 0..<10 {
                    let session = try plane.open()
                    let record = try plane.take(session.number, from: session.loop).get()
                    let ended = plane.loops[1 - session.loop].perform { loop in
                        var (record, number, ended) = (record, csp_session(), csp_event())
                        precondition(csp_loop_adopt(loop.pointer, &record, &number) == 0)
                        precondition(csp_session_close(loop.pointer, number, true, &ended) == 0)
                        return ended
                    }
                    #expect(ended.elapsed_ns < 60_000_000_000)
                }
            }
        }
    }
}

private func refusal<Value>(of result: Result<Value, PlaneUnderTest.Refused>) -> Int32? {
    guard case .failure(let refused) = result else { return nil }
    return refused.errno
}

/// FIONREAD: bytes that lie in a socket or a pipe.
private func bytesWaiting(_ descriptor: Int32) -> Int {
    var count: Int32 = -1
    _ = ioctl(descriptor, UInt(FIONREAD), &count)
    return Int(count)
}

/// Sends pieces too small for splicing, each after the one before has left the loop, until one does not.
private func trickleUntilStalled(_ stream: ByteStream, over peer: Peer, _ plane: PlaneUnderTest) throws -> Int {
    var sent = 0
    while true {
        try peer.send(stream, from: sent, count: 8192)
        sent += 8192
        let passedOn = eventually(within: .milliseconds(200)) { plane.total(\.bytes_copied) == UInt64(sent) }
        if !passedOn { return sent }
    }
}
