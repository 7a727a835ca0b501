import GatewayTesting
import Testing

extension RealComponents {
    /// A cluster changes while applications run: the zone says so, and the gateway follows. The parts are in files of
    /// their own.
    @Suite(.serialized, .loneMembers)
    struct ChangingZoneTests {
        static let missing = "no longer listed"
        static let draining = "its sessions end"
        static let forgotten = "endpoint forgotten"

        @Test func grownFromThreeToFive_theNewOnesTakePart() async throws {
            let members = try LoneMembers.all()
            let listings = Listing.of(members)
            let zone = try await ChangingZone(Array(listings[..<3]), among: members, "--policy=round-robin")
            try await eventually("three share") {
                try await zone.shares(of: 6) == [members[0].address: 2, members[1].address: 2, members[2].address: 2]
            }
            try await zone.say(listings)
            try await eventually("five share", within: .seconds(10)) {
                try await zone.shares(of: 10).filter { $0.value == 2 }.count == 5
            }
            #expect(zone.gateway.lines(with: Self.missing) == 0)
            try await zone.expectNoRequestFailed()
        }

        @Test func shrunk_theRemovedOneGetsNoNewSession_andItsSessionsEndAfterConfirmationAndGrace() async throws {
            let members = Array(try LoneMembers.all()[..<3])
            let listings = Listing.of(members)
            let zone = try await ChangingZone(listings, among: members, "--policy=round-robin")
            let removed = members[2].address
            try await eventually("three share") { try await zone.shares(of: 3).count == 3 }
            let kept = try await zone.open(30)
            let affected = try #require(kept.byMember[removed])
            #expect(affected >= 8)

            let saidAt = ContinuousClock.now
            try await zone.say(Array(listings[..<2]))
            try await zone.waitForLine(Self.missing, "host2")
            let missingAt = ContinuousClock.now
            #expect(missingAt - saidAt < .seconds(5), "the time to live is a second")
            #expect(try await zone.shares(of: 6)[removed] == nil)

            try await zone.waitForLine(Self.draining, "host2", within: .seconds(15))
            let drainingAt = ContinuousClock.now
            #expect(drainingAt - missingAt > .milliseconds(4_900), "a second answer, five seconds later, confirms")
            #expect(drainingAt - missingAt < .seconds(8), "and it is asked for then")
            #expect(kept.ended == 0)

            var ends: [ContinuousClock.Instant] = []
            try await eventually("the sessions of the removed member end", within: .seconds(20)) {
                while ends.count < kept.ended { ends.append(.now) }
                return ends.count >= affected
            }
            let (first, last) = (try #require(ends.first), try #require(ends.last))
            #expect(first - drainingAt > .milliseconds(1_900), "the grace is two seconds")
            #expect(last - first > .seconds(1), "spread, so that their clients do not all return at once")
            #expect(last - drainingAt < .seconds(10))
            #expect(zone.gateway.lines(with: Self.forgotten, "host2") == 1)
            #expect(try await zone.shares(of: 6) == [members[0].address: 3, members[1].address: 3])
            #expect(kept.ended == affected, "nobody else's end")
            try await zone.expectNoRequestFailed()
        }

        @Test func prioritiesFlipped_newSessionsGoToTheOtherTier_oldOnesStay() async throws {
            let members = Array(try LoneMembers.all()[..<2])
            var listings = Listing.of(members)
            listings[1].priority = 10
            let zone = try await ChangingZone(listings, among: members)
            let kept = try await zone.open(4)
            #expect(kept.byMember == [members[0].address: 4])

            listings[0].priority = 20
            try await zone.say(listings)
            try await eventually("the other tier serves", within: .seconds(10)) {
                try await zone.shares(of: 2) == [members[1].address: 2]
            }
            #expect(kept.ended == 0)
            #expect(zone.gateway.lines(with: Self.missing) == 0)
            try await zone.expectNoRequestFailed()
        }

        @Test func weightsChanged_newSessionsAreSharedOtherwise_oldOnesStay() async throws {
            let members = Array(try LoneMembers.all()[..<2])
            var listings = Listing.of(members)
            listings[0].weight = 3
            listings[1].weight = 1
            let zone = try await ChangingZone(listings, among: members, "--policy=weighted")
            let (first, second) = (members[0].address, members[1].address)
            try await eventually("three to one") { try await zone.shares(of: 20) == [first: 15, second: 5] }
            let kept = try await zone.open(8)

            listings[0].weight = 1
            try await zone.say(listings)
            try await eventually("one to one", within: .seconds(10)) {
                try await zone.shares(of: 20) == [first: 10, second: 10]
            }
            #expect(kept.ended == 0)
            #expect(zone.gateway.lines(with: Self.missing) == 0)
            try await zone.expectNoRequestFailed()
        }

        @Test func portChanged_theNewPortIsDialed() async throws {
            let subnet = LoopbackSubnet()
            async let before = EtcdCluster(size: 1, subnet: subnet)
            async let after = EtcdCluster(size: 1, clientPort: 12_379, peerPort: 12_380, subnet: subnet)
            let clusters = try await [before, after]
            var listings = Listing.of(clusters[0].members)
            let members = clusters.flatMap(\.members)
            let zone = try await ChangingZone(listings, among: members)
            let kept = try await zone.open(1)
            listings[0].port = 12_379
            try await zone.say(listings)
            try await eventually("the new port is dialed", within: .seconds(10)) {
                try await zone.shares(of: 2) == [members[1].address: 2]
            }
            #expect(kept.ended == 0, "the sessions on the old port are drained, not cut")
            try await zone.expectNoRequestFailed()
        }

        @Test func targetRenamed_noNewConnectionFails() async throws {
            let members = Array(try LoneMembers.all()[..<1])
            var listings = Listing.of(members)
            let zone = try await ChangingZone(listings, among: members)
            listings[0].name = "renamed"
            try await zone.say(listings)
            try await zone.waitForLine("endpoint known", "renamed.example.com", within: .seconds(10))
            try await zone.waitForLine(Self.missing, "host0.example.com", within: .seconds(10))
            #expect(try await zone.shares(of: 2) == [members[0].address: 2])
            try await zone.expectNoRequestFailed()
        }

        @Test func addressMoved_itIsTheSameEndpoint() async throws {
            let members = Array(try LoneMembers.all()[..<2])
            var listings = Listing.of(members[..<1])
            let zone = try await ChangingZone(listings, among: members)
            let kept = try await zone.open(1)
            listings[0].host = members[1].host
            try await zone.say(listings)
            try await eventually("the new address is dialed", within: .seconds(10)) {
                try await zone.shares(of: 2) == [members[1].address: 2]
            }
            #expect(kept.ended == 0)
            #expect(zone.gateway.lines(with: "endpoint known") == 1, "\(zone.gateway.log)")
            #expect(zone.gateway.lines(with: "new sessions go to") == 1, "\(zone.gateway.log)")
            #expect(zone.gateway.lines(with: Self.missing) == 0)
            try await zone.expectNoRequestFailed()
        }

        @Test func pinnedChoice_staysWhileItIsValid() async throws {
            let members = try LoneMembers.all()
            var listings = Listing.of(members)
            let zone = try await ChangingZone(Array(listings[..<3]), among: members)
            let pinned = try #require(try await zone.shares(of: 1).keys.first)
            let place = try #require(listings.firstIndex { $0.address == pinned })

            // Others come, all are given other weights, another one goes.
            for number in listings.indices { listings[number].weight = 50 }
            try await zone.say(listings)
            try await zone.waitForLine("endpoint known", "host4")
            let other = (place + 1) % 3
            var without = listings
            without.remove(at: other)
            try await zone.say(without)
            try await zone.waitForLine(Self.missing, "host\(other)")
            #expect(try await zone.shares(of: 5) == [pinned: 5])
            #expect(zone.gateway.lines(with: "new sessions go to") == 1)

            // Now it goes itself, and its place is not given back.
            var rest = without
            rest.removeAll { $0.address == pinned }
            try await zone.say(rest)
            try await zone.waitForLine(Self.missing, "host\(place)")
            let next = try #require(try await zone.shares(of: 1).keys.first)
            #expect(rest.map(\.address).contains(next))
            try await zone.say(without)
            try await eventually("it is known again") {
                zone.gateway.lines(with: "endpoint known", "host\(place)") == 2
            }
            #expect(try await zone.shares(of: 5) == [next: 5])
            try await zone.expectNoRequestFailed()
        }
    }
}
