// Feeds the settings with whatever libFuzzer thinks of. `make fuzz` builds and runs it.
//
// The first byte chooses what is fed. A trap, a leak or a broken promise below ends the run with an input that shows it.

@testable import Gateway

/// The one function that libFuzzer calls, with one input.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzSettings(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: start, count: count))
    guard let kind = bytes.first else { return 0 }
    let text = String(decoding: bytes.dropFirst(), as: UTF8.self)
    switch kind % 5 {
    case 0: resolve(flags: [:], file: text)
    case 1: resolve(flags: oneFlagALine(text), file: nil)
    case 2: readEndpoints(text)
    case 3: readListenAddress(text)
    default: readDuration(text)
    }
    return 0
}

private func oneFlagALine(_ text: String) -> [Setting: [String]] {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    return Dictionary(zip(Setting.allCases, lines).map { ($0, [$1]) }) { first, _ in first }
}

private func resolve(flags: [Setting: [String]], file: String?) {
    let resolution = Settings.resolve(flags: flags, environment: [:], file: file.map { ("/etc/x", $0) })
    switch resolution.result {
    case .success(let settings):
        precondition(!settings.listenAddresses.isEmpty, "nowhere to listen")
        precondition(settings.discoveryDomain != nil || !settings.endpoints.isEmpty, "nowhere to go")
        precondition(settings.minimumTTL <= settings.maximumTTL, "TTLs crossed")
    case .failure(let errors):
        precondition(!errors.all.isEmpty, "a failure without an error")
        for error in errors.all { checkLine(error.description) }
    }
    resolution.warnings.forEach(checkLine)
}

private func readEndpoints(_ text: String) {
    do throws(EndpointSyntaxError) {
        for endpoint in try StaticEndpoint.parseList(text) {
            precondition((try? StaticEndpoint(parsing: endpoint.description)) == endpoint, "an endpoint changed")
        }
    } catch {
        checkLine(error.description)
    }
}

private func readListenAddress(_ text: String) {
    do throws(ListenAddressError) {
        let address = try ListenAddress(parsing: text)
        precondition((try? ListenAddress(parsing: address.description)) == address, "a listen address changed")
    } catch {
        checkLine(error.description)
    }
}

private func readDuration(_ text: String) {
    guard let duration = try? Duration(goText: text) else { return }
    precondition((try? Duration(goText: duration.goText)) == duration, "a duration changed")
}

/// What we say about wrong text is one short line, whatever the text was.
private func checkLine(_ line: String) {
    precondition(!line.utf8.contains { $0 < 0x20 || $0 == 0x7F }, "a control character in a message")
    precondition(line.utf8.count < 2048, "an endless message")
}
