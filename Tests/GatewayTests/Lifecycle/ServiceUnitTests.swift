import Gateway
import Testing

@Suite struct ServiceUnitTests {
    @Test(arguments: [
        ("0::/system.slice/etcd-gateway.service\n", "etcd-gateway.service", "etcd-gateway.socket"),
        (
            "0::/system.slice/system-etcd\\x2dgateway.slice/etcd-gateway@west.service\n", "etcd-gateway@west.service",
            "etcd-gateway@west.socket"
        ),
        ("12:pids:/x.service\n1:name=systemd:/system.slice/a.service\n", "a.service", "a.socket"),
        ("0::/system.slice/a.service/child\n", "a.service", "a.socket"),
    ])
    func cgroup_namesTheUnit_andItsSocket(text: String, name: String, socket: String) {
        let unit = ServiceUnit(cgroups: text)
        #expect(unit?.name == name)
        #expect(unit?.socketName == socket)
    }

    @Test(arguments: [
        "", "\n", "0::/\n", "0::/user.slice/user-0.slice/session-1.scope\n", "0::/a;reboot.service\n",
        "5:pids:/system.slice/a.service\n", "0::/$(x).service",
    ])
    func anythingElse_isNoUnit(text: String) {
        #expect(ServiceUnit(cgroups: text) == nil)
    }
}
