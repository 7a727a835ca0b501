import Gateway
import GatewayTesting
import Testing

extension RealComponents {
    /// One line for each session that has ended: why, how long, how many bytes.
    @Suite(.serialized, .loneMembers)
    struct AccessLogTests {
        private func gateway(_ endpoints: String, _ more: String...) async throws -> GatewayProcess {
            try await GatewayProcess.ready(
                ["start", "--endpoints=\(endpoints)", "--access-log", "--log-format=json"] + more)
        }

        /// The lines, as JSON.
        private func lines(_ gateway: GatewayProcess) -> [JSON] {
            gateway.log.compactMap { JSON(parsing: $0) }.filter { $0["msg"]?.text == "session ended" }
        }

        @Test func everySession_leavesOneLine_withReasonDurationBytesAndEndpoint() async throws {
            let member = try #require(try LoneMembers.all().first)
            let gateway = try await gateway(member.address)
            for _ in 0..<10 { #expect(await PlainRequest(at: gateway.address).run().failure == nil) }
            try await eventually("ten sessions have ended") { lines(gateway).count == 10 }
            for line in lines(gateway) {
                #expect(line["reason"]?.text == "finished" && line["address"]?.text == member.address, "\(line)")
                let duration = try #require(line["duration"]?.text.flatMap { try? Duration(goText: $0) })
                #expect(duration > .zero && duration < .seconds(15))
                let up: Int? = line["bytes_up"]?.integer()
                let down: Int? = line["bytes_down"]?.integer()
                #expect(up ?? 0 > 50 && down ?? 0 > 100, "\(line)")
                let joined = try #require(line["joined_after"]?.text.flatMap { try? Duration(goText: $0) })
                #expect(joined > .zero && joined <= duration, "\(line)")
            }
            let clients = lines(gateway).compactMap { $0["client"]?.text }
            #expect(Set(clients).count == 10 && clients.allSatisfy { $0.hasPrefix("127.0.0.1:") }, "\(clients)")
        }

        @Test func clientThatNobodyServed_leavesOneToo() async throws {
            let nobody = try await gateway("127.0.0.1:1", "--hold-timeout=100ms")
            _ = await PlainRequest(at: nobody.address).run()
            try await eventually("its line is there") { lines(nobody).count == 1 }
            let line = try #require(lines(nobody).first)
            #expect(line["reason"]?.text == "reset by gateway" && line["address"] == nil, "\(line)")
            #expect(line["bytes_up"]?.integer() == 0 && line["bytes_down"]?.integer() == 0, "\(line)")
            #expect(line["joined_after"] == nil && line["client"]?.text?.hasPrefix("127.0.0.1:") == true, "\(line)")
        }
    }
}
