// What answers of endpoints and name servers mean for somebody who checks.
extension CheckReport.Finding {
    /// A probe of one address of an endpoint has ended.
    public init(_ endpoint: String, at address: SocketAddress, _ kind: ProbeKind, _ outcome: ProbeOutcome) {
        let place = endpoint == "\(address)" ? endpoint : "\(endpoint) at \(address)"
        switch outcome {
        case .connected: self.init(.note, "\(place) accepts connections; no more was asked")
        case .tlsAnswered: self.init(.fine, "\(place) answers TLS; whether it is healthy cannot be asked without files")
        case .http(.healthy): self.init(.fine, "\(place) is healthy (asked by \(kind.rawValue))")
        case .http(.unhealthy(let reason)):
            self.init(.trouble, "\(place) is unhealthy: \(reason)", advice: Self.advice(reason))
        case .unusable(let answer):
            self.init(.trouble, "\(place): the health check got \(answer)", advice: Self.advice(answer))
        case .failed(let failure, let stage):
            self.init(.trouble, "\(place): \(Self.words(failure, stage))", advice: Self.advice(failure, stage))
        }
    }

    /// The certificate of one address of a discovered endpoint was looked at.
    public init(_ endpoint: String, at address: SocketAddress, _ finding: CertificateFinding, name: String) {
        switch finding {
        case .verified: self.init(.fine, "\(endpoint) at \(address) has shown a certificate that is valid for \(name)")
        case .refused(let reason):
            self.init(
                .trouble, "\(endpoint) at \(address) is not used: \(reason)",
                advice: "its certificate must come from \(Setting.trustedCAFile.flag) and be valid for \(name);"
                    + " see \(Setting.discoveryVerification.flag)")
        case .unreachable(let failure, _):
            self.init(
                .trouble, "\(endpoint) at \(address) has shown no certificate: \(failure.words)",
                advice: "is the member up, and does it speak TLS on that port?")
        }
    }

    /// A question of discovery or about a host's address was answered; `isNeeded` says whether somebody depends on it.
    public init(_ question: Question, _ answer: Answer, isNeeded: Bool) {
        let verdict: CheckReport.Verdict = isNeeded ? .trouble : .note
        switch answer {
        case .services(let records, let timeToLive):
            let targets = records.map { "\($0.target):\($0.port)" }.joined(separator: ", ")
            self.init(.fine, "\(question.name) names \(targets) (for \(Figures.duration(timeToLive)))")
        case .addresses(let addresses, let timeToLive):
            let texts = addresses.map(\.description).joined(separator: ", ")
            self.init(.fine, "\(question.name) is at \(texts) (for \(Figures.duration(timeToLive)))")
        case .nothing:
            self.init(
                verdict, "\(question.name): DNS has no such record",
                advice: isNeeded ? "correct the name, or add the record" : nil)
        case .failed(let reason):
            self.init(
                .trouble, "\(question.name): DNS gives no usable answer: \(reason)",
                advice:
                    "ask the name server yourself (dig \(question.name)); \(Setting.dnsServers.flag) names another one")
        }
    }

    private static func words(_ failure: DialFailure, _ stage: ProbeStage) -> String {
        switch (failure, stage) {
        case (_, .dialing): failure.words
        case (.timedOut, _): "it accepts connections and does not answer"
        case (.refused, _): "it accepts connections and closes them"
        case (_, _): "the connection broke: \(failure.words)"
        }
    }

    private static func advice(_ failure: DialFailure, _ stage: ProbeStage) -> String {
        switch (failure, stage) {
        case (.refused, .dialing): "nobody listens there: is the member up, and is this its client port?"
        case (.unreachable, _): "there is no way to that address: look at routes and firewalls"
        case (.timedOut, .dialing): "packets are dropped: is the host up, does a firewall let this machine pass?"
        case (.timedOut, _): "the process hangs: look at its disk and its log"
        case (.refused, _): "does it want TLS or a client certificate? See \(Setting.healthCertificateFile.flag)"
        case (.local, _): "this machine is short of descriptors, memory or ports"
        }
    }

    private static func advice(_ reason: UnhealthyReason) -> String {
        switch reason {
        case .noLeader: "the cluster has no leader: bring a majority of its members back"
        case .learner: "promote it (etcdctl member promote), or do not name it yet"
        case .corrupt: "replace the member: its data differs from the others'"
        case .readFailed, .said, .status: "look at the member's log, and at etcdctl endpoint status"
        }
    }

    private static func advice(_ answer: UnusableAnswer) -> String {
        switch answer {
        case .status, .notHTTP, .tooLong: "is this really the client port of an etcd member?"
        case .wantsTLS: "write https:// in front of the endpoint, or let \(Setting.healthCheck.flag) be auto"
        case .notTLS: "it speaks no TLS: write http:// in front of the endpoint, or correct \(Setting.healthCheck.flag)"
        case .tlsRefused: "name a certificate: \(Setting.healthCertificateFile.flag) and \(Setting.healthKeyFile.flag)"
        case .untrusted: "\(Setting.trustedCAFile.flag) does not name the authority of this member"
        case .noTLSFiles: "make the certificate files readable for the gateway's user"
        }
    }
}
