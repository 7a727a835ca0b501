import Glibc

/// Under a sanitizer everything is several times slower, and what is waited for may take so many times longer
/// (`scripts/sanitize`).
private let patience = getenv("SANITIZED") == nil ? 1 : 4

/// Asks again and again until `condition` holds, and throws a `TestingError` naming `what` when it does not hold within
/// `limit`. This is how tests wait: never by sleeping for a guessed time.
///
/// `limit` is generous by default (30 s), for a loaded machine is slow; a test about speed states its own.
public func eventually(
    _ what: @autoclosure () -> String,
    within limit: Duration = .seconds(30),
    every pause: Duration = .milliseconds(20),
    _ condition: () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + limit * patience
    while try await !condition() {
        guard ContinuousClock.now < deadline else {
            throw TestingError("not within \(limit): \(what())")
        }
        try await Task.sleep(for: pause)
    }
}
