import Gateway

/// A name service and what it knows.
struct SimulatedZone {
    enum Mode: CaseIterable {
        case answering
        /// It says that it cannot answer.
        case failing
        /// It says nothing; the resolver gives up after a while.
        case silent
        /// It says that there are no records.
        case empty
    }

    var mode = Mode.answering
    var services: [String: [ServiceRecord]] = [:]
    var addresses: [String: [IPAddress]] = [:]
    var timeToLive = Duration.seconds(5)

    static let patience = Duration.seconds(5)

    func answer(_ question: Question) -> (after: Duration, answer: Answer) {
        switch mode {
        case .answering: (.milliseconds(2), records(question) ?? .nothing(timeToLive: timeToLive))
        case .failing: (.milliseconds(2), .failed("SERVFAIL"))
        case .silent: (Self.patience, .failed("timeout"))
        case .empty: (.milliseconds(2), .nothing(timeToLive: timeToLive))
        }
    }

    private func records(_ question: Question) -> Answer? {
        switch question {
        case .services(let name):
            services[name].flatMap { $0.isEmpty ? nil : .services($0, timeToLive: timeToLive) }
        case .addresses(_, .v4):
            addresses[question.name].flatMap { $0.isEmpty ? nil : .addresses($0, timeToLive: timeToLive) }
        case .addresses(_, .v6): nil
        }
    }
}
