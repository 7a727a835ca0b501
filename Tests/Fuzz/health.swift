// Feeds answers about a member's health with whatever libFuzzer thinks of. `make fuzz` builds and runs it.
//
// A trap, a leak or a broken promise below ends the run with an input that shows it.

@testable import Gateway

/// The one function that libFuzzer calls, with one input.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzHealth(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: start, count: count))
    let status = [200, 503, 400, 404][Int(bytes.first ?? 0) % 4]
    let body = Array(bytes.dropFirst())
    judge(HealthAnswer.outcome(status: status, body: body), status)
    judge(HealthAnswer.outcome(status: status, body: Array(#"{"health":"false","reason":"#.utf8) + body), status)
    _ = RoleAnswer.isLearner(metrics: body)
    _ = RoleAnswer.isLearner(metrics: Array("\netcd_server_is_learner ".utf8) + body)
    if let name = CertificateName(String(decoding: body, as: UTF8.self)) {
        precondition(!name.covers("10.0.0.1"), "an address is no DNS name")
    }
    return 0
}

private func judge(_ outcome: ProbeOutcome, _ status: Int) {
    switch outcome {
    case .http(.healthy): precondition(status == 200 || status == 503, "healthy with status \(status)")
    case .http(.unhealthy(let reason)):
        let text = "\(reason)"
        precondition(!text.isEmpty && !text.contains("\n") && text.utf8.count < 1_024, "no line for a log: \(text)")
    case .unusable(let answer): precondition(!"\(answer)".isEmpty, "nothing to say")
    case .connected, .tlsAnswered, .failed: preconditionFailure("no outcome of an answer")
    }
}
