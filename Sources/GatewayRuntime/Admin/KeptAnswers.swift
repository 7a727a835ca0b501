internal import NIOCore
internal import Synchronization

/// Answers that are given once more to whoever asks again at once, or while one is still being made: a storm of scrapes must
/// not cost the data plane its CPU.
final class KeptAnswers<Kind: Hashable & Sendable>: Sendable {
    private struct Kept {
        var answer: EventLoopFuture<AdminAnswer>
        /// For how long it is good; `nil` while it is being made.
        var until: NIODeadline?
    }

    private let kept = Mutex<[Kind: Kept]>([:])
    private let freshness: TimeAmount

    /// - Parameter freshness: Each kind is made no oftener than this.
    init(freshness: TimeAmount) {
        self.freshness = freshness
    }

    /// The last answer where it is fresh, else a new one. Futures that are made must not fail.
    func answer(_ kind: Kind, _ make: () -> EventLoopFuture<AdminAnswer>) -> EventLoopFuture<AdminAnswer> {
        if let last = kept.withLock({ $0[kind] }), last.until.map({ $0 > .now() }) ?? true { return last.answer }
        let answer = make()
        kept.withLock { $0[kind] = Kept(answer: answer, until: nil) }
        answer.whenComplete { _ in
            self.kept.withLock { kept in
                // Where something was ordered meanwhile, another one may have its place.
                if kept[kind]?.answer === answer { kept[kind]?.until = .now() + self.freshness }
            }
        }
        return answer
    }

    /// Nothing that was kept is true any more.
    func forget() { kept.withLock { $0 = [:] } }
}
