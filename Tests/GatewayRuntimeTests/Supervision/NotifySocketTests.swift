import Gateway
import GatewayTesting
import Glibc
import Testing

@testable import GatewayRuntime

struct NotifySocketTests {
    @Test func message_arrivesWhole() async throws {
        let sink = try NotifySink()
        let notify = try #require(NotifySocket(path: sink.path))
        try notify.send([.ready, .status("fine")])
        try await eventually("it came") { sink.messages == ["READY=1\nSTATUS=fine"] }
    }

    @Test func abstractName_isReached() throws {
        let name = "etcd-gateway-test-\(getpid())-\(UInt32.random(in: .min ... .max))"
        var address = try #require(UnixAddress("@" + name))
        let receiver = TestSocket(socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0))
        #expect(address.withPointer { bind(receiver.descriptor, $0, $1) } == 0)
        try #require(NotifySocket(path: "@" + name)).send([.alive])
        var bytes = [UInt8](repeating: 0, count: 64)
        let count = recv(receiver.descriptor, &bytes, bytes.count, Int32(MSG_DONTWAIT))
        #expect(String(decoding: bytes.prefix(max(0, count)), as: UTF8.self) == "WATCHDOG=1")
    }

    @Test(arguments: ["", "run/notify", "vsock:2:1", "/" + String(repeating: "x", count: 108)])
    func whatIsNoSocket_isNobody(path: String) {
        #expect(NotifySocket(path: path) == nil)
    }

    @Test func managerThatIsGone_isAnError_andNoDescriptorIsLeft() async throws {
        await #expect(processExitsWith: .success) {
            guard let notify = NotifySocket(path: "/nowhere/notify") else { exit(1) }
            let before = openDescriptors()
            for _ in 0..<100 {
                do throws(SystemError) {
                    try notify.send([.alive])
                    exit(2)
                } catch {
                    guard error.number == ENOENT else { exit(3) }
                }
            }
            // The testing library opens some of its own meanwhile; a hundred it does not.
            guard openDescriptors() < before + 100 else { exit(4) }
        }
    }

    @Test func managerThatDoesNotRead_isGivenUpAfterASecond() throws {
        var pair: [Int32] = [0, 0]
        let folder = try TemporaryFolder()
        var address = try #require(UnixAddress(folder.path(of: "deaf")))
        pair[0] = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
        let deaf = TestSocket(pair[0])
        try #require(address.withPointer { bind(deaf.descriptor, $0, $1) } == 0)
        let notify = try #require(NotifySocket(path: folder.path(of: "deaf")))
        let start = ContinuousClock.now
        #expect(throws: SystemError(EAGAIN, "tell the service manager")) {
            for _ in 0..<100_000 { try notify.send([.alive]) }
        }
        #expect(ContinuousClock.now - start >= .milliseconds(900))
    }
}
