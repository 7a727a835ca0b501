internal import Gateway
internal import NIOCore
internal import Synchronization

/// Finds the answer to each request. What takes work, text and JSON, is made on the admin server's own thread.
final class AdminAnswers: Sendable {
    private let desk: AdminDesk
    private let kept = KeptAnswers<Reading>(freshness: freshness)

    /// Who does not answer within this is stuck, and that is the answer.
    private static let patience = TimeAmount.seconds(3)
    /// However often somebody asks, what is read is made no oftener than this.
    private static let freshness = TimeAmount.milliseconds(100)

    /// Readings whose answers are kept for a moment.
    private enum Reading {
        case page, metrics, readiness, status, explanation
    }

    init(desk: AdminDesk) {
        self.desk = desk
    }

    /// The answer; the future never fails.
    func answer(
        method: String, target: String, mayOrder: Bool, on channel: any Channel
    ) -> EventLoopFuture<AdminAnswer> {
        let loop = channel.eventLoop
        do throws(AdminRefusal) {
            switch try AdminRequest(method: method, target: target) {
            case .health: return loop.makeSucceededFuture(Self.healthy)
            case .page: return snapshot(.page, on: loop) { .page($0.status) }
            case .metrics: return snapshot(.metrics, on: loop) { .metrics($0) }
            case .readiness: return snapshot(.readiness, on: loop) { .readiness($0.status) }
            case .status: return snapshot(.status, on: loop) { .json($0.status.json) }
            case .explanation:
                return kept.answer(.explanation) { self.ask(self.desk.explanation, on: loop) { .json($0.json) } }
            case .sessions(let order, let limit):
                return ask(desk.sessions, on: loop) { .json($0.list(by: order, limit: limit).json) }
            case .order(let order):
                guard mayOrder else { throw AdminRefusal(403, "orders are taken at the admin socket only") }
                return carryOut(order, on: channel)
            }
        } catch {
            return loop.makeSucceededFuture(.refusal(error))
        }
    }

    private static let healthy = AdminAnswer.text("ok")

    private func snapshot(
        _ reading: Reading, on loop: any EventLoop, _ answer: @escaping @Sendable (MetricsSnapshot) -> AdminAnswer
    ) -> EventLoopFuture<AdminAnswer> {
        kept.answer(reading) { ask(desk.snapshot, on: loop, answer) }
    }

    private func carryOut(_ order: AdminOrder, on channel: any Channel) -> EventLoopFuture<AdminAnswer> {
        let loop = channel.eventLoop
        guard let call = desk.orders.call(for: order) else {
            return loop.makeSucceededFuture(.text("this gateway cannot do that", status: 501))
        }
        return PeerCredentials.of(channel).flatMap { credentials in
            guard credentials.mayOrder else {
                return loop.makeSucceededFuture(
                    .text("orders are taken from root and from the gateway's own user", status: 403))
            }
            return self.ask(call, on: loop) { .outcome($0) }.always { _ in self.kept.forget() }
        }.recover { _ in .text("who you are cannot be told", status: 403) }
    }

    /// Asks somebody on another thread.
    private func ask<Value: Sendable>(
        _ call: (@escaping @Sendable (Value) -> Void) -> Void, on loop: any EventLoop,
        _ answer: @escaping @Sendable (Value) -> AdminAnswer
    ) -> EventLoopFuture<AdminAnswer> {
        let promise = loop.makePromise(of: Value.self)
        let reply = Reply(promise)
        let timeout = loop.scheduleTask(in: Self.patience) { reply.fail() }
        call { reply.succeed($0) }
        return promise.futureResult.always { _ in timeout.cancel() }.map(answer).recover { _ in .stuck }
    }
}

/// A promise that is kept once, whoever comes first.
private final class Reply<Value: Sendable>: Sendable {
    private struct Late: Error {}

    private let promise: Mutex<EventLoopPromise<Value>?>

    init(_ promise: EventLoopPromise<Value>) {
        self.promise = Mutex(promise)
    }

    func succeed(_ value: Value) { promise.withLock { $0.take() }?.succeed(value) }

    func fail() { promise.withLock { $0.take() }?.fail(Late()) }
}
