import Gateway
import Glibc
import Testing

@testable import GatewayRuntime

struct DialFailureErrnoTests {
    @Test(arguments: [
        (ECONNREFUSED, DialFailure.refused), (ECONNRESET, .refused), (ETIMEDOUT, .timedOut),
        (ENETUNREACH, .unreachable),
        (EHOSTUNREACH, .unreachable), (EPERM, .unreachable), (EAFNOSUPPORT, .unreachable),
    ])
    func theNetworksErrorsAreEvidence(number: Int32, failure: DialFailure) {
        #expect(DialFailure(errno: number) == failure)
        #expect(DialFailure(errno: number).isEvidence)
    }

    @Test(arguments: [EMFILE, ENFILE, ENOBUFS, ENOMEM, ENOSPC, EADDRNOTAVAIL, EADDRINUSE, EAGAIN])
    func ourOwnShortagesAreNone(number: Int32) {
        #expect(DialFailure(errno: number) == .local)
        #expect(!DialFailure(errno: number).isEvidence)
    }
}
