import Testing

@testable import Gateway

@Suite struct GatewayStatusTests {
    @Test func json_saysEverything() throws {
        let text = "\(StatusExample.status.json)"
        let status = try #require(JSON(parsing: text).flatMap { GatewayStatus($0) })
        #expect(status == StatusExample.status)
    }

    @Test func whatIsNotKnown_isNull_andComesBack() throws {
        var status = StatusExample.status
        status.discovery = nil
        status.events = []
        status.endpoints[0].age = nil
        status.endpoints[0].dialTime = nil
        status.endpoints[0].lastError = nil
        status.endpoints[0].lastErrorAge = nil
        status.endpoints[0].nextProbe = nil
        status.endpoints[0].unanswered = nil
        let json = try #require(JSON(parsing: "\(status.json)"))
        #expect(GatewayStatus(json) == status)
        #expect(json["discovery"] == .null && json["endpoints"]?.items?[0]["dial_seconds"] == .null)
    }

    @Test func membersThatAreMissingOrNew_areNoTrouble() throws {
        let text =
            #"{"schema":1,"time":"2023-11-14T22:13:20.123Z","news":{"a":[1]},"endpoints":[{"endpoint":"a:1","#
            + #""state":"good"},{"endpoint":"b:1","state":"of another release"}]}"#
        let status = try #require(JSON(parsing: text).flatMap { GatewayStatus($0) })
        #expect(status.endpoints.map(\.name) == ["a:1"] && status.isReady == false && status.events == [])
    }

    @Test func anotherSchema_isRefused() {
        #expect(GatewayStatus(.members(["schema": .integer(2), "time": .string("2023-11-14T22:13:20.123Z")])) == nil)
        #expect(GatewayStatus(.null) == nil)
    }
}
