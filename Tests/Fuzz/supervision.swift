// Feeds what a service manager says by the environment (LISTEN_FDS, LISTEN_FDNAMES, LISTEN_PID, NOTIFY_SOCKET, WATCHDOG_USEC, and
// the variable by which a process passes descriptors to its successor) with whatever libFuzzer thinks of. `make fuzz` builds and
// runs it.
//
// A line is KEY=value; a key that is no variable's name is the number of one. A trap, a leak or a broken promise below ends the
// run with an input that shows it.

@testable import Gateway

private let ownProcess: Int32 = 4711
private let variables = PassedDescriptor.variables + ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"]

/// The one function that libFuzzer calls, with one input.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzSupervision(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let text = String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
    var environment = environment(text)
    read(environment)
    // The same, meant for us.
    environment["LISTEN_PID"] = "\(ownProcess)"
    read(environment)
    environment[PassedDescriptor.handoverVariable] = "\(ownProcess) " + text
    read(environment)
    return 0
}

private func environment(_ text: String) -> [String: String] {
    var environment: [String: String] = [:]
    for line in text.split(separator: "\n") {
        let halves = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let key = Int(halves[0]).map { variables[Int($0.magnitude % UInt(variables.count))] } ?? String(halves[0])
        environment[key] = halves.count > 1 ? String(halves[1]) : ""
    }
    return environment
}

private func read(_ environment: [String: String]) {
    do throws(ActivationError) {
        check(try ServiceEnvironment(environment, ownProcess: ownProcess), environment)
    } catch {
        checkLine(error.description)
    }
}

private func check(_ told: ServiceEnvironment, _ environment: [String: String]) {
    told.warnings.forEach(checkLine)
    precondition(told.watchdog.map { $0 > .zero } ?? true, "a watchdog that bites at once")
    if let name = told.notifySocket {
        precondition(name == environment["NOTIFY_SOCKET"], "another manager")
        precondition(name.utf8.count <= ServiceEnvironment.pathBytesMax, "no socket has so long a name")
    }
    let passed = told.passed
    precondition(passed.count <= PassedDescriptor.most, "\(passed.count) descriptors")
    precondition(Set(passed.map(\.descriptor)).count == passed.count, "a descriptor that is closed twice")
    precondition(passed.allSatisfy { $0.descriptor >= PassedDescriptor.firstDescriptor }, "a standard stream")
    for one in passed {
        guard let stored = one.storedAs else { continue }
        precondition(StoredName(stored.text) == stored, "a name that changed")
        if case .shelf(let number) = stored { precondition(0..<StoredName.shelvesAtMost ~= number, "shelf \(number)") }
    }
    checkHandover(passed)
    checkLine(ActivationError.noListener(passed.first ?? PassedDescriptor(descriptor: 3, name: "")).description)
}

/// What is handed over arrives, unless a name would not survive it: ours are single words.
private func checkHandover(_ passed: [PassedDescriptor]) {
    let words = passed.filter { !$0.name.isEmpty && !$0.name.contains(" ") }
    let text = PassedDescriptor.handover(words, ownProcess: ownProcess)
    let environment = [PassedDescriptor.handoverVariable: text]
    guard let read = try? PassedDescriptor.all(in: environment, ownProcess: ownProcess) else {
        preconditionFailure("a hand-over that is an error")
    }
    precondition(read == words, "a hand-over that changed")
}

/// What we say about wrong text is one short line, whatever the text was.
private func checkLine(_ line: String) {
    precondition(!line.utf8.contains { $0 < 0x20 || $0 == 0x7F }, "a control character in a message")
    precondition(line.utf8.count < 2048, "an endless message")
}
