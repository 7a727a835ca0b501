import Foundation
import GatewayTesting
import Testing

extension RealComponents.ChangingZoneTests {
    @Test(.enabled(if: PrivateMounts.arePossible, "mounts are forbidden here"))
    func hostsEntryAddedAndChanged_isFollowed() async throws {
        let members = Array(try LoneMembers.all()[..<2])
        let dns = try ScriptedNameServer(.nameError)
        let machine = try MachineFiles()
        let gateway = try await GatewayProcess.ready(
            ["--endpoints=infra.example.com", "--dns-server=\(dns.address)", "--hold-timeout=1m"],
            seeing: machine.mounts)
        async let held = PlainRequest(at: gateway.address, within: .seconds(60)).run()
        try await eventually("the name is asked for") { !dns.queries.isEmpty }

        try machine.write("127.0.0.1 localhost\n\(members[0].host) infra.example.com\n", to: "hosts")
        #expect(await held.failure == nil, "\(gateway.log)")
        let shares = { try await OpenSessions(1, through: gateway, among: members.map(\.address)).byMember }
        #expect(try await shares() == [members[0].address: 1])

        try machine.write("\(members[1].host) infra.example.com\n", to: "hosts")
        try await eventually("the changed entry counts: \(gateway.process.errors)", within: .seconds(10)) {
            try await shares() == [members[1].address: 1]
        }
        #expect(gateway.lines(with: "endpoint known") == 1, "it is the same endpoint: \(gateway.log)")
    }

    @Test(.enabled(if: PrivateMounts.arePossible, "mounts are forbidden here"))
    func resolvConfReplaced_theOtherServerIsAsked() async throws {
        let members = Array(try LoneMembers.all()[..<2])
        let subnet = LoopbackSubnet()
        let listings = Listing.of(members)
        let servers = try [0, 1].map { number in
            // A minute: only the change of the file can be why it is asked again.
            let records = Listing(name: "host", host: members[number].host).absoluteRecords(ttl: 60)
            return try ScriptedNameServer(.answer(records), on: subnet.address(number + 1), port: 53)
        }
        let machine = try MachineFiles()
        try machine.write("nameserver \(subnet.address(1))\n", to: "resolv.conf")
        let gateway = try await GatewayProcess.ready(["--discovery-srv=example.com"], seeing: machine.mounts)
        let shares = { try await OpenSessions(1, through: gateway, among: listings.map(\.address)).byMember }
        #expect(try await shares() == [members[0].address: 1])
        #expect(servers[1].queries.isEmpty)

        try machine.write("nameserver \(subnet.address(2))\n", to: "resolv.conf")
        try await eventually("the other server's answers count: \(gateway.process.errors)", within: .seconds(10)) {
            try await shares() == [members[1].address: 1]
        }
    }

    /// What one gateway sees as the machine's /etc. Files are replaced by rename, as DHCP clients do it.
    private struct MachineFiles {
        private let folder: TemporaryFolder

        init() throws {
            folder = try TemporaryFolder()
            // What programs need to start: where shared libraries are.
            for name in ["ld.so.cache", "passwd", "nsswitch.conf"] {
                try? FileManager.default.copyItem(atPath: "/etc/\(name)", toPath: folder.path(of: name))
            }
            try write("127.0.0.1 localhost\n", to: "hosts")
            try write("nameserver 127.0.0.1\n", to: "resolv.conf")
        }

        var mounts: PrivateMounts { .folder(folder.path, at: "/etc") }

        func write(_ text: String, to name: String) throws {
            try folder.write(text, to: name)
        }
    }
}
