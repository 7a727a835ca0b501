extension Measurement {
    typealias Instant = ContinuousClock.Instant

    /// A request that takes longer is no longer "answered" where members are to be evicted.
    static let goodAnswer = Duration.seconds(1)
    /// A request that is younger at the end of the observation says nothing.
    static let youth = Duration.seconds(1)

    /// Draws the conclusions.
    init(_ records: ClientRecords, _ timeline: Timeline, newMember: UInt64?) {
        guard let began = timeline.began, let ended = timeline.ended else { return }
        measureRequests(records.requests, timeline, began, ended)
        measureKept(records.kept, began, ended)
        measureSilent(records.silent, began)
        if let back = records.directRequests.filter(\.isAnswered).compactMap(\.endedAt).min() {
            let served = records.requests.filter(\.isAnswered).compactMap(\.endedAt).filter { $0 > back }.min()
            servedAfterReturn = seconds((served ?? ended) - back)
        }
        if let newMember, let replacedAt = timeline.replacedAt {
            let first = records.requests.filter { $0.isAnswered && $0.member == newMember }.compactMap(\.endedAt).min()
            newMemberInUseAfter = first.map { max(0, seconds($0 - replacedAt)) }
        }
        // What was due at the end and not done is late as well.
        let unfinished = records.lateness.last.map { ended - $0.at - FreshRequests.interval } ?? .zero
        let lateness = records.lateness.filter { $0.at >= began && $0.at <= ended }.map(\.by) + [unfinished]
        latestLateness = lateness.map(seconds).max() ?? 0
    }

    private mutating func measureRequests(
        _ all: [ClientRecords.Request], _ timeline: Timeline, _ began: Instant, _ ended: Instant
    ) {
        let concerned = all.filter { ($0.endedAt ?? ended) >= began && $0.startedAt <= ended }
        requests = concerned.count
        for request in concerned {
            let end = request.endedAt ?? ended
            let wasUnderWay = timeline.wasUnderWay(from: request.startedAt, to: end)
            let isUnanswered = request.endedAt == nil
            if isUnanswered && end - request.startedAt < Self.youth { continue }
            unsettled += isUnanswered ? 1 : 0
            if !request.isAnswered {
                failures[request.failure ?? "no answer", default: 0] += 1
                if wasUnderWay { cut += 1 } else { failed += 1 }
                lastFailureEndedAfter = max(lastFailureEndedAfter ?? 0, seconds(end - began))
            }
            if !request.isAnswered || end - request.startedAt > Self.goodAnswer {
                lastBadBeganAfter = max(lastBadBeganAfter ?? 0, seconds(request.startedAt - began))
            }
            if !wasUnderWay {
                slowestNew = max(slowestNew, seconds(end - request.startedAt))
            }
        }
        let answers = all.filter(\.isAnswered).compactMap(\.endedAt).sorted()
        longestGap = longestGap(between: answers, began, ended)
    }

    private mutating func measureKept(_ events: [ClientRecords.Event], _ began: Instant, _ ended: Instant) {
        var answers: [Instant] = []
        var endedAt: Instant?
        for event in events {
            switch event.kind {
            case .answered:
                answers.append(event.at)
                guard event.at > began else { continue }
                if let end = endedAt {
                    keptWorkedAgainIn = max(keptWorkedAgainIn ?? 0, seconds(event.at - end))
                    keptAnsweredAfter = keptAnsweredAfter ?? seconds(event.at - began)
                    endedAt = nil
                }
            case .ended(let how):
                guard event.at > began else { continue }
                keptEndings += 1
                endedAt = event.at
                if keptEndedAfter == nil {
                    (keptEndedAfter, keptEndedBy) = (seconds(event.at - began), how)
                }
            case .failedAgain:
                keptFailedAgain += event.at > began ? 1 : 0
            case .rejected(let status):
                if event.at > began { failures["kept session: status \(status)", default: 0] += 1 }
            }
        }
        if let endedAt {
            keptWorkedAgainIn = max(keptWorkedAgainIn ?? 0, seconds(ended - endedAt))
        }
        keptLongestGap = longestGap(between: answers, began, ended)
    }

    private mutating func measureSilent(_ events: [ClientRecords.Event], _ began: Instant) {
        for event in events {
            switch event.kind {
            case .answered: hasSilent = event.at <= began
            case .ended(let how): (silentEndedAfter, silentEndedBy) = (seconds(event.at - began), how)
            case .failedAgain, .rejected: break
            }
        }
    }

    /// From the last answer before the fault to the end of the observation.
    private func longestGap(between answers: [Instant], _ began: Instant, _ ended: Instant) -> Double {
        var last = answers.last { $0 <= began } ?? began
        var longest = Duration.zero
        for answer in answers where answer > began && answer <= ended {
            longest = max(longest, answer - last)
            last = answer
        }
        return seconds(max(longest, ended - last))
    }

    private func seconds(_ duration: Duration) -> Double { duration / .seconds(1) }
}
