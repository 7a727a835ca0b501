// Feeds the state file with whatever libFuzzer thinks of. `make fuzz` builds and runs it.
//
// The text is read as it is, and once more with a head and a checksum that are right, for no fuzzer finds those. A trap, a
// leak or a broken promise below ends the run with an input that shows it.

@testable import Gateway

private let source = "discovery example.com"
private let now: Int64 = 1_800_000_000

/// The one function that libFuzzer calls, with one input.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzLastGoodSet(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let text = String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
    read(text)
    read(sealed("etcd-gateway-endpoints 1\n" + text))
    read(sealed("etcd-gateway-endpoints 1\nsource \(source)\nsaved \(now)\n" + text))
    return 0
}

/// With the checksum that the file would have, computed here once more: a change of it would lose everybody's file.
private func sealed(_ text: String) -> String {
    let body = text.hasSuffix("\n") ? text : text + "\n"
    let hash = body.utf8.reduce(14_695_981_039_346_656_037 as UInt64) { ($0 ^ UInt64($1)) &* 1_099_511_628_211 }
    return body + "checksum \(String(hash, radix: 16))\n"
}

private func read(_ text: String) {
    do throws(LastGoodSetError) {
        let set = try LastGoodSet(parsing: text, source: source, now: now)
        precondition(set.source == source, "a set of another source")
        precondition(set.entries.count <= 256, "more endpoints than promised")
        precondition(set.entries.allSatisfy { $0.addresses.count <= 16 }, "more addresses than promised")
        let again = try? LastGoodSet(parsing: set.text(savedAt: now), source: source, now: now)
        precondition(again == set, "a set changed")
    } catch {
        precondition(!"\(error)".isEmpty, "nothing to say")
    }
}
