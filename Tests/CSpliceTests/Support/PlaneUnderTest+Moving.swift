import CSplice

extension PlaneUnderTest {
    /// What csp_session_take gave, or the errno it refused with.
    func take(_ session: csp_session, from loop: Int) -> Result<csp_session_record, Refused> {
        loops[loop].perform { loop in
            var record = csp_session_record()
            let result = csp_session_take(loop.pointer, session, &record)
            return result == 0 ? .success(record) : .failure(Refused(errno: -result))
        }
    }

    /// The session's number in its new loop, or the errno of the refusal.
    func adopt(_ record: csp_session_record, by loop: Int) -> Result<csp_session, Refused> {
        loops[loop].perform { loop in
            var record = record
            var session: csp_session = 0
            let result = csp_loop_adopt(loop.pointer, &record, &session)
            return result == 0 ? .success(session) : .failure(Refused(errno: -result))
        }
    }

    /// Moves a session to another loop.
    func move(_ session: inout OpenSession, to loop: Int) throws {
        let record = try take(session.number, from: session.loop).get()
        session.number = try adopt(record, by: loop).get()
        session.loop = loop
    }
}
