// Feeds the admin server's requests, and what its clients read of its answers, with whatever libFuzzer thinks of. `make fuzz`
// builds and runs it.
//
// The first byte chooses what is fed. A trap, a leak or a broken promise below ends the run with an input that shows it.

@testable import Gateway

/// The one function that libFuzzer calls, with one input.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzAdmin(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: start, count: count))
    guard let kind = bytes.first else { return 0 }
    let text = String(decoding: bytes.dropFirst(), as: UTF8.self)
    switch kind % 4 {
    case 0: ask(text)
    case 1: sendEncoded(text)
    case 2: readJSON(text)
    default: readAnswers(text)
    }
    return 0
}

/// The first line is the method, the rest is the target.
private func ask(_ text: String) {
    let parts = text.split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false)
    let target = parts.count > 1 ? String(parts[1]) : ""
    for method in [String(parts.first ?? ""), "GET", "POST"] {
        do throws(AdminRefusal) {
            check(try AdminRequest(method: method, target: target), method)
        } catch {
            precondition([400, 404, 405].contains(error.status), "refused with \(error.status)")
            checkLine(error.text)
        }
    }
}

private func check(_ request: AdminRequest, _ method: String) {
    switch request {
    case .order(let order):
        precondition(method == "POST", "an order by \(method)")
        if case .drain(let endpoint) = order { precondition(!endpoint.isEmpty, "nobody is drained") }
        if case .undrain(let endpoint) = order { precondition(!endpoint.isEmpty, "nobody is drained") }
    case .sessions(_, let limit):
        precondition(1...SessionList.atMost ~= limit, "a list of \(limit)")
        fallthrough
    default: precondition(method == "GET" || method == "HEAD", "read by \(method)")
    }
}

/// What a command sends arrives as it was typed.
private func sendEncoded(_ text: String) {
    guard !text.isEmpty else { return }
    let encoded = AdminRequest.encoded(text)
    precondition(
        encoded.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "&") }, "a target of many words")
    let request = try? AdminRequest(method: "POST", target: "/drain?endpoint=" + encoded)
    precondition(request == .order(.drain(endpoint: text)), "another endpoint is drained")
}

private func readJSON(_ text: String) {
    guard let json = JSON(parsing: text) else { return }
    let written = "\(json)"
    precondition(!written.utf8.contains { $0 < 0x20 }, "JSON of several lines")
    precondition(JSON(parsing: written) == json, "JSON that changed")
}

/// What answers to the commands is no gateway, perhaps.
private func readAnswers(_ text: String) {
    let start = "{\"schema\":1,"
    for text in [text, start + text, start + "\"endpoints\":[{" + text, start + "\"sessions\":[{" + text] {
        guard let json = JSON(parsing: text) else { continue }
        if let status = GatewayStatus(json) {
            for line in StatusScreen(status, samples: StatusSamples(), isColoured: false).lines { checkScreen(line) }
            _ = StatusPage(status).html
        }
        if let list = SessionList(json) { for line in list.lines(isColoured: false) { checkScreen(line) } }
    }
}

/// Whatever a server says, a terminal must survive it.
private func checkScreen(_ line: String) {
    precondition(
        !line.unicodeScalars.contains { $0.value < 0x20 || (0x7F...0x9F).contains($0.value) }, "a control character")
}

/// What we say about a wrong request is one short line, whatever the request was.
private func checkLine(_ line: String) {
    precondition(!line.utf8.contains { $0 < 0x20 || $0 == 0x7F }, "a control character in an answer")
    precondition(line.utf8.count < 1024, "an endless answer")
}
