import Gateway
import GatewayTesting
import Testing

@Suite struct HealthAnswerTests {
    private func outcome(_ status: Int, _ body: String) -> ProbeOutcome {
        HealthAnswer.outcome(status: status, body: Array(body.utf8))
    }

    @Test(arguments: [
        (200, #"{"health":"true"}"#), (200, #"{"health":"true","reason":""}"#), (200, #"{ "health" : "true" }"# + "\n"),
        (200, #"{"health":true}"#), (503, #"{"health":"false","reason":"ALARM NOSPACE"}"#),
    ])
    func healthy(status: Int, body: String) {
        #expect(outcome(status, body) == .http(.healthy))
    }

    @Test(
        arguments: [
            (#"{"health":"false"}"#, .said("")),
            (#"{"health":"false","reason":"RAFT NO LEADER"}"#, .noLeader),
            (#"{"health":"false","reason":"ALARM CORRUPT"}"#, .corrupt),
            (#"{"health":"false","reason":"ALARM UNKNOWN"}"#, .said("ALARM UNKNOWN")),
            (#"{"health":"false","reason":"RANGE ERROR:etcdserver: request timed out"}"#, .readFailed),
            (#"{"health":"false","reason":"QGET ERROR:x"}"#, .readFailed),
            (#"{"health":false,"reason":"\"#, .said("\\")),
        ] as [(String, UnhealthyReason)])
    func unhealthy_withReason(body: String, reason: UnhealthyReason) {
        #expect(outcome(503, body) == .http(.unhealthy(reason)))
        #expect(outcome(200, body) == .http(.unhealthy(reason)))  // older etcd answers 200
    }

    @Test(arguments: [
        (404, "404 page not found\n"), (200, "<html>"), (200, ""), (500, ""), (503, "no server is available"),
        (405, "Method Not Allowed"), (200, #"{"health":"maybe"}"#), (200, #"{"health""#), (204, #"{"health":"true"}"#),
        (404, #"{"health":"false","reason":"ALARM NOSPACE"}"#),
    ])
    func otherAnswers_sayNothing(status: Int, body: String) {
        #expect(outcome(status, body) == .unusable(.status(status)))
    }

    @Test func plainRequest_toATLSServer_isToldSo() {
        #expect(outcome(400, "Client sent an HTTP request to an HTTPS server.\n") == .unusable(.wantsTLS))
    }

    @Test func reason_isBounded() {
        let long = String(repeating: "x", count: 5_000)
        guard case .http(.unhealthy(.said(let text))) = outcome(503, #"{"health":"false","reason":"\#(long)"}"#) else {
            Issue.record("a long reason is a reason")
            return
        }
        #expect(text.utf8.count == 96)
    }

    @Test func role_fromItsOwnCheck() {
        #expect(RoleAnswer.isLearner(readyStatus: 200) == false)
        #expect(RoleAnswer.isLearner(readyStatus: 503) == true)
        #expect(RoleAnswer.isLearner(readyStatus: 404) == nil)
    }

    @Test(
        arguments: [
            ("# TYPE etcd_server_is_learner gauge\netcd_server_is_learner 1\n", true),
            ("a 1\netcd_server_is_learner 0\nb 1", false),
            ("a 1\netcd_server_is_learner 0", false),
            ("# HELP etcd_server_is_learner Whether …\n", nil),
            ("x_etcd_server_is_learner 1\n", nil),
            ("\netcd_server_is_learner ", nil),
            ("", nil),
        ] as [(String, Bool?)])
    func role_fromMetrics(text: String, isLearner: Bool?) {
        #expect(RoleAnswer.isLearner(metrics: Array(text.utf8)) == isLearner)
    }

    @Test func randomBytes_neverTrap() {
        var random = SeededGenerator(seed: 3)
        for _ in 0..<20_000 {
            let body = random.text(of: #"{}"":, healtruefson\nNO LEADER_é"#, longest: 60)
            _ = outcome(Int.random(in: 0...999, using: &random), #"{"health":"# + body)
            _ = RoleAnswer.isLearner(metrics: Array(("\netcd_server_is_learner" + body).utf8))
        }
    }
}
