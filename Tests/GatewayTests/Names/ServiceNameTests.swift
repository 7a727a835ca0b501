import Gateway
import Testing

@Suite struct ServiceNameTests {
    @Test(
        arguments: [
            ("example.com", nil, "_etcd-client-ssl._tcp.example.com", "_etcd-client._tcp.example.com"),
            ("example.com.", nil, "_etcd-client-ssl._tcp.example.com.", "_etcd-client._tcp.example.com."),
            ("example.com", "", "_etcd-client-ssl._tcp.example.com", "_etcd-client._tcp.example.com"),
            ("b", "one", "_etcd-client-ssl-one._tcp.b", "_etcd-client-one._tcp.b"),
        ] as [(String, String?, String, String)])
    func names_areThoseOfTheOldGateway_secureFirst(domain: String, suffix: String?, secure: String, plain: String) {
        let names = ServiceName.all(domain: domain, suffix: suffix)
        #expect(names.map(\.text) == [secure, plain])
        #expect(names.map(\.isSecure) == [true, false])
        #expect(names.map(\.description) == names.map(\.text))
    }
}
