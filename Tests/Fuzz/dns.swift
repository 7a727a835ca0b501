// Feeds DNS replies and /etc/hosts with whatever libFuzzer thinks of. `make fuzz` builds and runs it.
//
// The first byte chooses what is fed. A trap, a leak or a broken promise below ends the run with an input that shows it.

@testable import Gateway

/// The one function that libFuzzer calls, with one input.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzDNS(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: start, count: count))
    guard let kind = bytes.first else { return 0 }
    switch kind % 3 {
    case 0: readReply(Array(bytes.dropFirst()))
    case 1: readReply(asReply(bytes.dropFirst()))
    default: readHosts(String(decoding: bytes.dropFirst(), as: UTF8.self))
    }
    return 0
}

/// Puts a header before the bytes, so that the fuzzer need not find one.
private func asReply(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
    [0, 1, 0x81, 0x80, 0, 1, 0, bytes.first ?? 0, 0, 1, 0, 0] + bytes
}

private func readReply(_ bytes: [UInt8]) {
    guard let message = try? DNSMessage.parse(bytes) else { return }
    precondition(message.answers.count <= DNSMessage.mostRecords, "more records than promised")
    for record in message.answers {
        precondition(isPrintableASCII(record.name), "a name that is no text")
        precondition(record.ttl >> 31 == 0, "a TTL with its top bit set")
        checkAnswers(message, about: record.name)
        guard case .srv(let service) = record.data else { continue }
        precondition(service.isUnavailable || Host.isValidName(service.target), "a target that is no host name")
    }
}

private func checkAnswers(_ message: DNSMessage, about name: String) {
    let services = message.services(for: name)
    let addresses = message.addresses(for: name, .a).values + message.addresses(for: name, .aaaa).values
    precondition(Set(services.values).count == services.values.count, "a service twice")
    precondition(Set(addresses).count == addresses.count, "an address twice")
}

private func isPrintableASCII(_ text: String) -> Bool {
    !text.isEmpty && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
}

private func readHosts(_ text: String) {
    let file = HostsFile(parsing: text)
    for word in text.split(whereSeparator: { $0 == " " || $0 == "\n" }).prefix(100) {
        let addresses = file.addresses(for: String(word))
        precondition(addresses.count <= HostsFile.mostAddresses, "more addresses than promised")
        for address in addresses { precondition(IPAddress(address.description) == address, "an address changed") }
    }
}
