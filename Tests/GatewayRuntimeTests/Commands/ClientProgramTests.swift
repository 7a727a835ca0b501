import Gateway
import GatewayTesting
import Testing

@testable import GatewayRuntime

@Suite struct ClientProgramTests {
    @Test(arguments: [
        ("/etc/default/etcd-gateway@23791", "/run/etcd-gateway@23791/admin.sock"),
        ("/etc/default/etcd-gateway", "/run/etcd-gateway/admin.sock"), ("/tmp/own", "/run/etcd-gateway/admin.sock"),
    ])
    func settingsWithoutASocket_areThoseOfAUnit(file: String, socket: String) {
        #expect(ClientProgram.socketPath([.configFile: [file]], [:]) == socket)
    }

    @Test func socketInTheFile_isAsked() throws {
        let folder = try TemporaryFolder()
        let file = try folder.write("ETCD_GATEWAY_ADMIN_SOCKET=/tmp/x.sock\n", to: "etcd-gateway@1")
        #expect(ClientProgram.socketPath([.configFile: [file]], [:]) == "/tmp/x.sock")
    }
}
