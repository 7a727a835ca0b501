import GatewayTesting
import Glibc
import Testing

@testable import GatewayRuntime

@Suite struct ManagersStoreTests {
    /// It never reads: whether there is room is not known, which is another answer than that there is none.
    @Test func managerThatDoesNotAnswer_isBusy_notFull() throws {
        let folder = try TemporaryFolder()
        var address = try #require(UnixAddress(folder.path(of: "deaf")))
        let deaf = TestSocket(socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0))
        try #require(address.withPointer { bind(deaf.descriptor, $0, $1) } == 0)
        let store = ManagersStore(notify: try #require(NotifySocket(path: folder.path(of: "deaf"))))
        do throws(SystemError) {
            let room = try store.room(for: 2)
            Issue.record("room for \(room)")
        } catch {
            #expect(error.isOfBusyManager, "\(error)")
        }
    }
}
