import Gateway
import Testing

@Suite struct ServiceNotificationTests {
    @Test func texts_areThoseOfTheProtocol() {
        #expect("\(ServiceNotification.ready)" == "READY=1")
        #expect("\(ServiceNotification.stopping)" == "STOPPING=1")
        #expect("\(ServiceNotification.alive)" == "WATCHDOG=1")
        #expect("\(ServiceNotification.status("3/3 endpoints"))" == "STATUS=3/3 endpoints")
        #expect("\(ServiceNotification.needsTime(.seconds(30)))" == "EXTEND_TIMEOUT_USEC=30000000")
        #expect("\(ServiceNotification.needsTime(.zero - .seconds(1)))" == "EXTEND_TIMEOUT_USEC=0")
    }

    @Test func reloading_carriesItsInstant_inMicroseconds() {
        let since = Instant(nanoseconds: 1_234_567_890)
        #expect("\(ServiceNotification.reloading(since: since))" == "RELOADING=1\nMONOTONIC_USEC=1234567")
    }

    @Test(arguments: ["a\nREADY=1", "a\r\nREADY=1"])
    func lineEndInAStatus_beginsNoOtherAssignment(text: String) {
        #expect("\(ServiceNotification.status(text))" == "STATUS=a READY=1")
    }
}
