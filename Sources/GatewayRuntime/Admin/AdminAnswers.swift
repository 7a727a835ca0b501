internal import Gateway
internal import NIOCore
internal import Synchronization

/// Finds the answer to each request. What takes work, text and JSON, is made on the admin server's own thread.
final class AdminAnswers: Sendable {
    private let desk: AdminDesk
    /// The last answers, for whoever asks again at once.
    private let fresh = Mutex<[AdminRequest.Kept: (answer: AdminAnswer, until: NIODeadline)]>([:])

    /// Who does not answer within this is stuck, and that is the answer.
    private static let patience = TimeAmount.seconds(3)
    /// However often somebody asks, metrics and status are made no oftener than this: a storm of scrapes must not cost the
    /// data plane its CPU.
    private static let freshness = TimeAmount.milliseconds(100)

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
            case .health: return loop.makeSucceededFuture(.text("ok"))
            case .page: return ask(desk.snapshot, on: loop) { .page($0.status) }
            case .metrics:
                return kept(.metrics, on: loop) { self.ask(self.desk.snapshot, on: loop) { .metrics($0) } }
            case .readiness: return ask(desk.snapshot, on: loop) { .readiness($0.status) }
            case .status:
                return kept(.status, on: loop) { self.ask(self.desk.snapshot, on: loop) { .json($0.status.json) } }
            case .explanation: return ask(desk.explanation, on: loop) { .json($0.json) }
            case .sessions(let order, let limit):
                return ask({ self.desk.sessions(order, limit, $0) }, on: loop) { .json($0.json) }
            case .order(let order):
                guard mayOrder else { throw AdminRefusal(403, "orders are taken at the admin socket only") }
                return carryOut(order, on: channel)
            }
        } catch {
            return loop.makeSucceededFuture(.refusal(error))
        }
    }

    /// The last answer where it is fresh, else a new one.
    private func kept(
        _ kind: AdminRequest.Kept, on loop: any EventLoop, _ make: () -> EventLoopFuture<AdminAnswer>
    ) -> EventLoopFuture<AdminAnswer> {
        if let last = fresh.withLock({ $0[kind] }), last.until > .now() { return loop.makeSucceededFuture(last.answer) }
        return make().map { answer in
            if answer.status == 200 { self.fresh.withLock { $0[kind] = (answer, .now() + Self.freshness) } }
            return answer
        }
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
            return self.ask(call, on: loop) { .outcome($0) }
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
        return promise.futureResult.always { _ in timeout.cancel() }.map(answer).recover { _ in
            .text("the gateway does not answer: it is stuck, or on its way out", status: 503)
        }
    }
}

extension AdminRequest {
    /// Requests whose answers are kept for a moment.
    fileprivate enum Kept {
        case metrics, status
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
