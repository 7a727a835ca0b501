import CSplice
import Testing

extension DataPlaneTests {
    /// Bytes that go unanswered make an endpoint suspect; nobody else is.
    @Suite struct EvidenceTests {
        @Test func silence_isTold_onceASecond() throws {
            try withPlane(configure: { $0.suspect_after_ms = 100 }) { plane in
                let session = try plane.open()
                let begin = ContinuousClock.now
                try session.client.send("question")
                #expect(try session.upstream.receive(count: 8) == "question")
                let suspect = try plane.log.first(.CSP_EVENT_SUSPECT).event
                #expect(ContinuousClock.now - begin >= .milliseconds(100))
                #expect(suspect.endpoint == 0)
                #expect(suspect.elapsed_ns >= 100_000_000 && suspect.elapsed_ns < 10_000_000_000)
                #expect(staysUnchanged(for: .milliseconds(700)) { plane.log.count(of: .CSP_EVENT_SUSPECT) })
            }
        }

        @Test func answeredEndpoint_isNotSuspect() throws {
            try withPlane(configure: { $0.suspect_after_ms = 200 }) { plane in
                let session = try plane.open()
                for _ in 0..<20 {
                    try session.client.send("question")
                    #expect(try session.upstream.receive(count: 8) == "question")
                    try session.upstream.send("answer")
                    #expect(try session.client.receive(count: 6) == "answer")
                }
                #expect(!eventually(within: .milliseconds(600)) { plane.log.count(of: .CSP_EVENT_SUSPECT) > 0 })
                let turns = plane.total(\.turns)
                #expect(staysUnchanged(for: .milliseconds(400)) { Int(plane.total(\.turns)) }, "from \(turns)")
            }
        }

        @Test func answerAfterASuspicion_endsIt_andTheNextSilenceIsTold() throws {
            try withPlane(configure: { $0.suspect_after_ms = 100 }) { plane in
                let session = try plane.open()
                try session.client.send("one")
                _ = try plane.log.first(.CSP_EVENT_SUSPECT)
                let mark = plane.log.mark
                try session.upstream.send("late")
                #expect(try session.client.receive(count: 4) == "late")
                #expect(!eventually(within: .milliseconds(1300)) { plane.log.mark > mark })
                try session.client.send("two")
                _ = try plane.log.first(.CSP_EVENT_SUSPECT, after: mark)
            }
        }

        @Test func idleSessionAndEndedSession_areNotSuspect() throws {
            try withPlane(configure: { $0.suspect_after_ms = 100 }) { plane in
                let (idle, ended) = try (plane.open(), plane.open())
                try ended.client.send("goodbye")
                #expect(try ended.upstream.receive(count: 7) == "goodbye")
                try ended.upstream.send("bye")
                #expect(try ended.client.receive(count: 3) == "bye")
                ended.client.close()
                ended.upstream.close()
                _ = try plane.log.end(of: ended.number)
                #expect(!eventually(within: .milliseconds(400)) { plane.log.count(of: .CSP_EVENT_SUSPECT) > 0 })
                #expect(idle.number != ended.number)
            }
        }

        /// Four in as many seconds, then after 1, 2, 4 s …: a last word that wants no answer is no lasting suspicion.
        @Test func longSilence_isToldMoreAndMoreRarely_untilThereAreNewBytes() throws {
            try withPlane(configure: { $0.suspect_after_ms = 100 }) { plane in
                let session = try plane.open()
                let begin = ContinuousClock.now
                try session.client.send("goodbye")
                #expect(eventually(within: .seconds(20)) { plane.log.count(of: .CSP_EVENT_SUSPECT) == 6 })
                #expect(ContinuousClock.now - begin >= .milliseconds(6100))
                let mark = plane.log.mark
                try session.client.send("no, wait")
                _ = try plane.log.first(.CSP_EVENT_SUSPECT, after: mark)
                #expect(
                    ContinuousClock.now - begin < .milliseconds(10_000), "the next of the old silence is due at 10.1 s")
            }
        }

        @Test func bytesThatAreNotEvenAcknowledged_areToldOfInHalfTheTime() throws {
            try withPlane(configure: { $0.suspect_after_ms = 4000 }) { plane in
                let session = try plane.open()
                try session.upstream.dropAllThatArrives()
                try session.client.send("question")
                let suspect = try plane.log.first(.CSP_EVENT_SUSPECT).event
                #expect(suspect.elapsed_ns >= 2_000_000_000 && suspect.elapsed_ns < 3_900_000_000)
            }
        }

        @Test func suspicionOfZero_isNone() throws {
            try withPlane(configure: { $0.suspect_after_ms = 0 }) { plane in
                let session = try plane.open()
                try session.client.send("question")
                #expect(try session.upstream.receive(count: 8) == "question")
                #expect(!eventually(within: .milliseconds(800)) { plane.log.count(of: .CSP_EVENT_SUSPECT) > 0 })
            }
        }
    }
}
