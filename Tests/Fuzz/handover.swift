// Feeds the note for the next process with whatever libFuzzer thinks of. `make fuzz` builds and runs it.
//
// A trap, a leak or a broken promise below ends the run with an input that shows it.

@testable import Gateway

/// The one function that libFuzzer calls, with one input.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzHandover(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let text = String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
    read(text)
    read("etcd-gateway-handover 1\nsource endpoints\n" + text)
    return 0
}

private func read(_ text: String) {
    guard let handover = Handover(parsing: text) else { return }
    precondition(Set(handover.entries.map(\.id)).count == handover.entries.count, "a number twice")
    for entry in handover.entries {
        precondition(entry.id.slot < EndpointSet.slots, "a number that no endpoint can have")
        precondition(!entry.addresses.isEmpty && entry.addresses.count <= 16, "none, or more than 16 addresses")
    }
    if let pinned = handover.pinned { precondition(pinned.slot < EndpointSet.slots, "a number that nobody can have") }
    let written = handover.text
    guard let again = Handover(parsing: written) else { preconditionFailure("what was written cannot be read") }
    precondition(again.source == handover.source && again.pinned == handover.pinned, "its head changed")
    // What does not fit is left out from the end, and nothing else is.
    precondition(again.entries == Array(handover.entries.prefix(again.entries.count)), "an entry changed")
    precondition(
        again.entries.count == handover.entries.count || written.utf8.count > Handover.longestText / 2,
        "an entry was lost")
}
