import Testing

@testable import Gateway

@Suite struct ServiceEnvironmentTests {
    private func told(_ environment: [String: String]) throws(ActivationError) -> ServiceEnvironment {
        try ServiceEnvironment(environment, ownProcess: 7)
    }

    @Test func everything_isRead() throws {
        let told = try told([
            "LISTEN_PID": "7", "LISTEN_FDS": "2", "LISTEN_FDNAMES": "web:store.shelf.5", "NOTIFY_SOCKET": "/run/notify",
            "WATCHDOG_USEC": "2000000", "WATCHDOG_PID": "7",
        ])
        #expect(told.passed.map(\.descriptor) == [3, 4] && told.passed.map(\.name) == ["web", "store.shelf.5"])
        #expect(told.passed.map(\.storedAs) == [nil, .shelf(5)])
        #expect(told.notifySocket == "/run/notify" && told.watchdog == .seconds(2) && told.warnings == [])
    }

    @Test func withoutAManager_thereIsNothing() throws {
        let told = try told(["NOTIFY_SOCKET": "", "LISTEN_FDS": "3"])
        #expect(told.passed == [] && told.notifySocket == nil && told.watchdog == nil && told.warnings == [])
    }

    @Test func watchdogOfAnother_andOneThatIsNone_areNotOurs() throws {
        #expect(try told(["WATCHDOG_USEC": "1000", "WATCHDOG_PID": "8"]).watchdog == nil)
        for text in ["0", "-5", "soon", "99999999999999999999"] {
            #expect(try told(["WATCHDOG_USEC": text]).watchdog == nil)
        }
    }

    @Test(arguments: [
        "run/notify", "vsock:2:1", "/" + String(repeating: "x", count: 107), "@\u{0}a", "\u{1B}[2J",
    ])
    func whatIsNoSocket_isWarnedOf_onOneLine(text: String) throws {
        let told = try told(["NOTIFY_SOCKET": text])
        #expect(told.notifySocket == nil && told.warnings.count == 1)
        #expect(told.warnings.first?.utf8.allSatisfy { $0 >= 0x20 } == true)
    }

    @Test func descriptorThatIsHandedOverTwice_isTakenOnce_andAStandardStreamNever() throws {
        let told = try told([PassedDescriptor.handoverVariable: "7 5=store.table 5=store.listener 2=x 6 =y 9=a=b"])
        #expect(
            told.passed == [
                PassedDescriptor(descriptor: 5, name: "store.table"), PassedDescriptor(descriptor: 9, name: "a=b"),
            ])
        #expect(try ServiceEnvironment([PassedDescriptor.handoverVariable: "8 5=x"], ownProcess: 7).passed == [])
    }

    @Test func handover_isReadAsItWasWritten() throws {
        let passed = (3..<50).map { PassedDescriptor(descriptor: $0, name: StoredName.shelf(Int($0)).text) }
        let text = PassedDescriptor.handover(passed, ownProcess: 7)
        #expect(try told([PassedDescriptor.handoverVariable: text]).passed == passed)
    }

    @Test func tooMany_areAnError_andANameIsNeverMoreThanALine() {
        #expect(throws: ActivationError.count("3000")) { try told(["LISTEN_PID": "7", "LISTEN_FDS": "3000"]) }
        let nasty = ActivationError.noListener(PassedDescriptor(descriptor: 3, name: "a\nb\u{1B}[2J"))
        #expect(nasty.description.utf8.allSatisfy { $0 >= 0x20 })
    }
}
