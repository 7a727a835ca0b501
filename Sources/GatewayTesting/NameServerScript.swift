import Synchronization

/// What a `ScriptedNameServer` is to say, and what it was asked: shared by it and its threads.
final class NameServerScript: Sendable {
    private struct State {
        var behaviour: ScriptedNameServer.Behaviour
        var queries: [ScriptedNameServer.Query] = []
        var isClosed = false
    }

    private let state: Mutex<State>

    init(_ behaviour: ScriptedNameServer.Behaviour) {
        state = Mutex(State(behaviour: behaviour))
    }

    var behaviour: ScriptedNameServer.Behaviour {
        get { state.withLock { $0.behaviour } }
        set { state.withLock { $0.behaviour = newValue } }
    }

    var queries: [ScriptedNameServer.Query] { state.withLock { $0.queries } }

    var isClosed: Bool { state.withLock { $0.isClosed } }

    func close() {
        state.withLock { $0.isClosed = true }
    }

    /// Notes the query and composes the answer that the present behaviour wants; nil where that is silence.
    func reply(to query: [UInt8], isOverTCP: Bool) -> [UInt8]? {
        guard let question = DNSMessage.question(in: query) else { return nil }
        let name = question.name.lowercased()
        let behaviour = state.withLock { state in
            state.queries.append(ScriptedNameServer.Query(name: name, type: question.type, isOverTCP: isOverTCP))
            return state.behaviour
        }
        let header = DNSReplyHeader(query: query, questionEnd: question.end)
        switch behaviour {
        case .silence: return nil
        case .garbage(let bytes): return Array(query[0..<2]) + bytes
        case .noData: return header.reply(code: 0)
        case .serverFailure: return header.reply(code: 2)
        case .nameError: return header.reply(code: 3)
        case .refused: return header.reply(code: 5)
        case .forged(let answers):
            return answers[question.type]?.message(to: query, questionEnd: question.end, isOverTCP: isOverTCP)
                ?? header.reply(code: 0)
        case .brokenStream, .endlessStream: return header.reply(code: 0, isTruncated: true)
        case .truncated where !isOverTCP: return header.reply(code: 0, isTruncated: true)
        case .truncated(let records), .answer(let records):
            return header.reply(code: 0, answers: records.compactMap { $0.answer(to: name, type: question.type) })
        }
    }
}

/// What every answer to one query begins with.
private struct DNSReplyHeader {
    let query: [UInt8]
    let questionEnd: Int

    func reply(code: UInt16, isTruncated: Bool = false, answers: [[UInt8]] = []) -> [UInt8] {
        let flags: UInt16 = 0x8500 | (isTruncated ? 0x0200 : 0) | code
        let counts: [UInt16] = [flags, 1, UInt16(answers.count), 0, 0]
        return Array(query[0..<2]) + DNSMessage.bytes(counts) + query[12..<questionEnd] + answers.joined()
    }
}
