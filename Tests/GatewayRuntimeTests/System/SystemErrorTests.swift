import Glibc
import Testing

@testable import GatewayRuntime

struct SystemErrorTests {
    @Test func descriptionSaysWhatWasAttempted_andTheErrorsName() {
        let error = SystemError(EADDRINUSE, "listen on 127.0.0.1:23790")
        #expect(error.description == "cannot listen on 127.0.0.1:23790: Address already in use (EADDRINUSE)")
    }

    @Test func everyCommonErrorHasAName_andAnUnknownOneItsNumber() {
        #expect(SystemError.name(of: ECONNREFUSED) == "ECONNREFUSED")
        #expect(SystemError.name(of: EMFILE) == "EMFILE")
        #expect(SystemError.name(of: 99_999) == "errno 99999")
    }

    @Test func checkThrowsNegativeResults_andReturnsOthers() throws {
        #expect(try check("count", 7) == 7)
        #expect(throws: SystemError(ENOENT, "open")) { try check("open", -ENOENT) }
        errno = EACCES
        #expect(throws: SystemError(EACCES, "open")) { try checkErrno("open", -1) }
    }

    @Test func badDescriptorIsOurOwnBug() async {
        await #expect(processExitsWith: .failure) { _ = SystemError(EBADF, "read") }
    }
}
