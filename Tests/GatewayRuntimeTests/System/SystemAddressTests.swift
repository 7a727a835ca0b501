import Gateway
import Glibc
import Testing

@testable import GatewayRuntime

struct SystemAddressTests {
    @Test(arguments: ["127.0.0.1:0", "127.1.2.3:0", "[::1]:0"])
    func bindTakesTheAddress_andGetsocknameGivesItBack(text: String) throws {
        let wanted = SocketAddress(testing: text)
        var system = SystemAddress(wanted)
        let socket = TestSocket(Glibc.socket(system.family, Int32(SOCK_STREAM.rawValue), 0))
        try #require(socket.descriptor >= 0)
        try #require(system.bind(socket.descriptor) == 0)
        let bound = try #require(SystemAddress(boundTo: socket.descriptor)).address
        #expect(bound.ip == wanted.ip)
        #expect(bound.port != 0)
    }

    @Test(arguments: ["1.2.3.4:2379", "255.255.255.255:65535", "[2001:db8::1:2]:1", "[::ffff:1.2.3.4]:80"])
    func addressSurvivesTheKernelsForm(text: String) {
        let address = SocketAddress(testing: text)
        #expect(SystemAddress(address).address == address)
    }

    @Test func unixSocketHasNoAddress() throws {
        let socket = TestSocket(Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0))
        #expect(SystemAddress(boundTo: socket.descriptor) == nil)
    }
}
