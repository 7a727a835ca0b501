import CSplice
import Glibc
import Testing

extension DataPlaneTests {
    @Suite struct SessionNumberTests {
        @Test func numberOfAnEndedSession_isRefused_alsoWhenItsSlotIsUsedAgain() throws {
            try withPlane { plane in
                let first = try plane.open()
                let stale = first.number
                first.client.reset()
                _ = try plane.log.end(of: stale)
                expectStale(stale, in: plane)
                let second = try plane.open()
                #expect(second.number != stale)
                #expect(UInt32(truncatingIfNeeded: second.number) == UInt32(truncatingIfNeeded: stale), "the same slot")
                expectStale(stale, in: plane)
                try second.client.send("untouched")
                #expect(try second.upstream.receive(count: 9) == "untouched")
            }
        }

        @Test func numbers_areNeverUsedTwice() throws {
            try withPlane { plane in
                for _ in 0..<100 {
                    let session = try plane.open()
                    session.client.reset()
                    _ = try plane.log.end(of: session.number)
                }
                let numbers = plane.log.all(of: .CSP_EVENT_ACCEPTED).map(\.event.session)
                #expect(Set(numbers).count == 100)
                #expect(!numbers.contains(0))
            }
        }

        @Test func numberOfATakenSession_isRefused() throws {
            try withPlane { plane in
                let session = try plane.open()
                let record = try plane.take(session.number, from: 0).get()
                expectStale(session.number, in: plane)
                let adopted = try plane.adopt(record, by: 0).get()
                #expect(adopted != session.number)
                expectStale(session.number, in: plane)
            }
        }

        @Test(arguments: [csp_session(0), 1, 0xFFFF_FFFF, 1 << 32, .max])
        func numberNobodyHas_isRefused(number: csp_session) throws {
            try withPlane { plane in
                expectStale(number, in: plane)
                let session = try plane.open()
                if session.number != number { expectStale(number, in: plane) }
            }
        }
    }
}

private func expectStale(_ number: csp_session, in plane: PlaneUnderTest) {
    let address = plane.server.address
    let results = plane.loops[0].perform { loop in
        var record = csp_session_record()
        return [
            loop.dial(number, address),
            csp_session_cancel_dial(loop.pointer, number, 1),
            csp_session_close(loop.pointer, number, true, nil),
            csp_session_take(loop.pointer, number, &record),
        ]
    }
    #expect(results == [-ENOENT, -ENOENT, -ENOENT, -ENOENT])
}
