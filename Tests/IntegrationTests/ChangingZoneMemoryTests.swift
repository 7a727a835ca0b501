import Foundation
import GatewayTesting
import Testing

extension RealComponents.ChangingZoneTests {
    private static let remembered = "the endpoints of the last run serve"
    private static let ignored = "the endpoints kept by an earlier run are ignored"
    private static let notKept = "the endpoints cannot be kept"

    /// A folder with what a gateway of `domain` has kept there.
    private func keep(
        _ listings: [Listing], in folder: TemporaryFolder, domain: String = "example.com"
    ) async throws -> String {
        let dns = try ScriptedNameServer(.answer(listings.flatMap { $0.absoluteRecords(ttl: 1, domain: domain) }))
        let gateway = try await GatewayProcess.ready([
            "--discovery-srv=\(domain)", "--dns-server=\(dns.address)", "--state-dir=\(folder.path)",
        ])
        let file = folder.path(of: "endpoints")
        try await eventually("the endpoints are kept: \(gateway.process.errors)") {
            FileManager.default.fileExists(atPath: file)
        }
        _ = try await gateway.stop()
        return file
    }

    @Test func secondStartWithoutDNS_servesFromTheFile_andTheFirstAnswerReplacesIt() async throws {
        let members = Array(try LoneMembers.all()[..<2])
        let listings = Listing.of(members)
        let folder = try TemporaryFolder()
        let file = try await keep(Array(listings[..<1]), in: folder)
        let kept = try String(contentsOfFile: file, encoding: .utf8)
        #expect(kept.contains("host0.example.com.") && kept.contains(members[0].host) && kept.contains("checksum"))

        let dns = try ScriptedNameServer(.silence)
        let gateway = try await GatewayProcess.ready([
            "--discovery-srv=example.com", "--dns-server=\(dns.address)", "--state-dir=\(folder.path)",
        ])
        #expect(gateway.lines(with: Self.remembered) == 1)
        let outcome = await PlainRequest(at: gateway.address).run()
        #expect(outcome.failure == nil)
        #expect(outcome.duration < .seconds(1), "a client is not held for an answer that does not come")
        let sessions = try await OpenSessions(1, through: gateway, among: members.map(\.address))
        #expect(sessions.byMember == [members[0].address: 1])

        dns.behaviour = .answer(listings[1...].flatMap(\.absoluteRecords))
        try await eventually("DNS counts as soon as it answers: \(gateway.process.errors)") {
            try await OpenSessions(1, through: gateway, among: members.map(\.address)).byMember
                == [members[1].address: 1]
        }
        try await eventually("what it says is kept") {
            try String(contentsOfFile: file, encoding: .utf8).contains(members[1].host)
        }
    }

    @Test func fileIsWrittenOnlyWhenTheSetHasChanged() async throws {
        let members = try LoneMembers.all()
        let listings = Listing.of(members)
        let dns = try ScriptedNameServer(.answer(listings[..<2].flatMap(\.absoluteRecords)))
        let folder = try TemporaryFolder()
        let gateway = try await GatewayProcess.ready([
            "--discovery-srv=example.com", "--dns-server=\(dns.address)", "--state-dir=\(folder.path)",
        ])
        let file = folder.path(of: "endpoints")
        try await eventually("the endpoints are kept: \(gateway.process.errors)") {
            FileManager.default.fileExists(atPath: file)
        }
        let first = try FileStamp(file)
        // The same in another order, again and again.
        let asked = dns.queries.count
        dns.behaviour = .answer(listings[..<2].reversed().flatMap(\.absoluteRecords))
        try await eventually("every question is asked four more times") { dns.queries.count > asked + 16 }
        #expect(try FileStamp(file) == first)

        dns.behaviour = .answer(listings[..<3].flatMap(\.absoluteRecords))
        try await eventually("the new set is kept") { try FileStamp(file) != first }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["endpoints"])
    }

    @Test func fileOfNoUse_isIgnoredWithOneLine() async throws {
        let listings = Listing.of(try LoneMembers.all()[..<1])
        let folder = try TemporaryFolder()
        let good = try String(contentsOfFile: try await keep(listings, in: folder), encoding: .utf8)
        let elsewhere = try TemporaryFolder()
        let foreign = try String(
            contentsOfFile: try await keep(listings, in: elsewhere, domain: "example.net"), encoding: .utf8)
        for (content, reason) in [
            (good.replacing("2379", with: "2380"), "damaged"),
            (String(good.dropLast(20)), "not a file of this program"),
            ("", "not a file of this program"),
            ("root:x:0:0:root:/root:/bin/sh\n", "not a file of this program"),
            (foreign, "written for another cluster"),
        ] {
            try folder.write(content, to: "endpoints")
            try await expectServed(listings, [Self.ignored, reason], stateDirectory: folder.path)
        }
    }

    @Test func folderOfNoUse_isSaidInOneLine() async throws {
        let listings = Listing.of(try LoneMembers.all()[..<1])
        let folder = try TemporaryFolder()
        let file = try folder.write("", to: "file")
        for directory in [folder.path(of: "missing"), file] {
            try await expectServed(listings, [Self.notKept], stateDirectory: directory)
        }
    }

    @Test(.enabled(if: PrivateMounts.arePossible, "mounts are forbidden here"))
    func readOnlyOrFullFolder_isSaidInOneLine() async throws {
        let listings = Listing.of(try LoneMembers.all()[..<1])
        let folder = try TemporaryFolder()
        for mounts in [PrivateMounts.readOnly(folder.path), .full(folder.path)] {
            try await expectServed(listings, [Self.notKept], stateDirectory: folder.path, seeing: mounts)
        }
    }

    /// A gateway with this state directory serves, and says this in one line, however often DNS answers differently.
    private func expectServed(
        _ listings: [Listing], _ words: [String], stateDirectory: String, seeing mounts: PrivateMounts? = nil
    ) async throws {
        let dns = try ScriptedNameServer(.answer(listings.flatMap(\.absoluteRecords)))
        let gateway = try await GatewayProcess.ready(
            ["--discovery-srv=example.com", "--dns-server=\(dns.address)", "--state-dir=\(stateDirectory)"],
            seeing: mounts)
        #expect(await PlainRequest(at: gateway.address).run().failure == nil)
        try await eventually("\(words) is said: \(gateway.process.errors)") { gateway.lines(with: words) == 1 }
        let warnings = gateway.lines(with: "endpoints kept by") + gateway.lines(with: Self.notKept)
        #expect(warnings == 1, "\(gateway.log)")
        #expect(gateway.process.isRunning)
    }

    /// Whether a file is the one it was: every write replaces it.
    private struct FileStamp: Equatable {
        let inode: UInt64
        let seconds: Double

        init(_ path: String) throws {
            let attributes = try FileManager.default.attributesOfItem(atPath: path)
            inode = (attributes[.systemFileNumber] as? NSNumber)?.uint64Value ?? 0
            seconds = (attributes[.modificationDate] as? Date)?.timeIntervalSince1970 ?? 0
        }
    }
}
