import CSplice
import Gateway
import GatewayTesting
import Glibc
import Testing

@testable import GatewayRuntime

/// Sockets that were passed, from the descriptor of the test's own socket on.
struct ActivatedSocketTests {
    private static let process: Int32 = 4711

    private func environment(_ count: String, names: String? = nil, process: Int32 = process) -> [String: String] {
        var environment = ["LISTEN_PID": "\(process)", "LISTEN_FDS": count]
        environment["LISTEN_FDNAMES"] = names
        return environment
    }

    private func sockets(_ environment: [String: String], first: Int32) throws(ActivationError) -> [ActivatedSocket] {
        try ActivatedSocket.all(
            among: try PassedDescriptor.all(in: environment, ownProcess: Self.process, first: first))
    }

    @Test func listeningSocket_isTaken_withNameAndAddress() throws {
        let (socket, address) = try TestSocket.bound()
        try #require(listen(socket.descriptor, 1) == 0)
        let named = try sockets(environment("1", names: "etcd-gateway.socket"), first: socket.descriptor)
        #expect(named == [ActivatedSocket(descriptor: socket.descriptor, name: "etcd-gateway.socket")])
        #expect(named.first?.address == "\(address)")
        #expect(try sockets(environment("1"), first: socket.descriptor).first?.name == "unknown")
    }

    @Test func socketsForSomebodyElse_areNoneOfOurs() throws {
        #expect(try sockets(environment("1", process: 1), first: 0).isEmpty)
        #expect(try sockets(["LISTEN_FDS": "1"], first: 0).isEmpty)
        #expect(try sockets([:], first: 0).isEmpty)
        #expect(try sockets(environment("0"), first: 0).isEmpty)
    }

    @Test(arguments: ["", "-1", "33", "many", "1 "])
    func wrongCount_isAnError(count: String) {
        #expect(throws: ActivationError.count(count)) { try sockets(environment(count), first: 0) }
    }

    @Test func namesThatDoNotMatch_areAnError() throws {
        #expect(throws: ActivationError.names(2, sockets: 1)) { try sockets(environment("1", names: "a:b"), first: 0) }
    }

    @Test func whatIsNoListener_isAnError_thatSaysWhatWouldBeRight() throws {
        let (idle, _) = try TestSocket.bound()
        let datagram = TestSocket(socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0))
        let file = TestSocket(open("/dev/null", O_RDONLY))
        let closed: Int32 = 1_000_000
        for descriptor in [idle.descriptor, datagram.descriptor, file.descriptor, closed] {
            let error = #expect(throws: ActivationError.self) {
                try sockets(environment("1", names: "web"), first: descriptor)
            }
            #expect(error?.description.contains("(web) is no listening stream socket") == true)
            #expect(error?.description.contains("ListenStream=") == true)
        }
    }

    @Test func planeListensOnIt_forAllLoops_withoutSharingThePort() throws {
        let (socket, address) = try TestSocket.bound()
        try #require(listen(socket.descriptor, 1) == 0)
        let kept = dup(socket.descriptor)
        let held = HeldClients()
        var options = csp_options_default()
        options.loops = 3
        let plane = try DataPlane(
            options: options, plan: PublishedPlan(.testing([])), held: held, accessLog: nil, report: { _ in })
        let listener = try plane.listen(on: ActivatedSocket(descriptor: kept, name: "a"))
        #expect(plane.address(ofListener: listener) == address)
        var (value, size) = (Int32(-1), socklen_t(MemoryLayout<Int32>.size))
        #expect(getsockopt(socket.descriptor, SOL_SOCKET, SO_REUSEPORT, &value, &size) == 0)
        #expect(value == 0)
        #expect(fcntl(kept, F_GETFD) & FD_CLOEXEC != 0, "no child inherits it")
    }

    @Test func variables_areGoneFromTheEnvironment() async {
        await #expect(processExitsWith: .success) {
            setenv("LISTEN_PID", "\(getpid())", 1)
            setenv("LISTEN_FDS", "1000", 1)
            setenv("LISTEN_FDNAMES", "a", 1)
            guard GatewayProgram.run(flags: [:], environment: ProcessEnvironment.all()) == 2 else { exit(1) }
            for name in ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"] where getenv(name) != nil { exit(2) }
        }
    }
}
