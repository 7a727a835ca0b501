import Foundation
import GatewayTesting
import Testing

extension RealComponents {
    /// The program as a person or a script meets it: command line, environment, settings file, exit codes.
    @Suite(.serialized)
    struct CommandLineTests {
        /// Where nobody listens: these tests need no member.
        private static let nobody = "--endpoints=127.0.0.1:1"

        @Test func readyLine_namesTheEndpoints() async throws {
            let gateway = try await GatewayProcess.ready(["start", "--endpoints=127.0.0.1:1,127.0.0.2:2"])
            let ready = try #require(gateway.readyLine)
            #expect(ready.contains("127.0.0.1:1") && ready.contains("127.0.0.2:2"))
        }

        @Test(arguments: [
            ["start", nobody], [nobody], [nobody, "start"], ["gateway", "start", nobody], [nobody, "gateway", "start"],
            ["start", "--endpoints", "127.0.0.1:1"],
        ])
        func everyFormOfTheCommandLine_starts(arguments: [String]) async throws {
            _ = try await GatewayProcess.ready(arguments)
        }

        @Test func secondGatewayOnTheSameAddress_endsWithInUse() async throws {
            let first = try await GatewayProcess.ready(["start", Self.nobody])
            let second = try GatewayProcess(["start", Self.nobody], listeningOn: first.address)
            #expect(try await second.process.waitForExit() == .code(1))
            #expect(second.process.errors.contains("in use"))
            #expect(second.process.errors.contains(first.address))
            #expect(first.process.isRunning)
        }

        @Test(arguments: [
            ("--retry-delay", "5", "5s"), ("--policy", "pined", "pinned"), ("--endpoints", "10.0.0.1:99999", "65535"),
            ("--log-level", "loud", "info"), ("--max-sessions", "many", "number"), ("--dns-server", "ns1", "address"),
        ])
        func wrongValue_endsWithCode2_andSaysWhichAndWhatIsRight(
            flag: String, value: String, advice: String
        ) async throws {
            let gateway = try GatewayProcess(["start", "\(flag)=\(value)"])
            #expect(try await gateway.process.waitForExit() == .code(2))
            let errors = gateway.process.errors
            #expect(errors.contains(flag) && errors.contains(value) && errors.contains(advice), "it said: \(errors)")
        }

        @Test func unknownFlag_endsWithCode2_andNamesIt() async throws {
            let gateway = try GatewayProcess(["start", "--endpoint=127.0.0.1:1"])
            #expect(try await gateway.process.waitForExit() == .code(2))
            #expect(gateway.process.errors.contains("--endpoint"))
        }

        @Test func wrongValueInTheEnvironment_isNamedByItsVariable() async throws {
            let gateway = try GatewayProcess(["start"], environment: ["ETCD_GATEWAY_RETRY_DELAY": "soon"])
            #expect(try await gateway.process.waitForExit() == .code(2))
            #expect(gateway.process.errors.contains("ETCD_GATEWAY_RETRY_DELAY"))
            #expect(gateway.process.errors.contains("soon"))
        }

        @Test func settings_flagBeforeEnvironmentBeforeFile() async throws {
            let folder = try TemporaryFolder()
            let file = try folder.write("ETCD_GATEWAY_ENDPOINTS=127.0.0.3:3\n", to: "settings")
            let fromFile = try await GatewayProcess.ready(["--config-file=\(file)"])
            #expect(try #require(fromFile.readyLine).contains("127.0.0.3:3"))

            let environment = ["ETCD_GATEWAY_ENDPOINTS": "127.0.0.2:2"]
            let fromEnvironment = try await GatewayProcess.ready(["--config-file=\(file)"], environment: environment)
            #expect(try #require(fromEnvironment.readyLine).contains("127.0.0.2:2"))

            let fromFlag = try await GatewayProcess.ready(
                ["--config-file=\(file)", Self.nobody], environment: environment)
            let ready = try #require(fromFlag.readyLine)
            #expect(ready.contains("127.0.0.1:1") && !ready.contains("127.0.0.2:2") && !ready.contains("127.0.0.3:3"))
        }

        @Test func jsonLog_isOneObjectALine_withTheKeysOfTheOldGateway() async throws {
            let gateway = try await GatewayProcess.ready(["start", Self.nobody, "--log-format=json"])
            let line = try #require(gateway.readyLine)
            let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
            #expect(object?["msg"] as? String == "ready to proxy client requests")
            #expect(object?["level"] as? String == "info")
            #expect(object?["endpoints"] as? [String] == ["127.0.0.1:1"])
        }

        @Test func version_isPrintedToStandardOutput() async throws {
            let process = try ChildProcess(ToolBox.gateway(), ["version"])
            #expect(try await process.waitForExit() == .code(0))
            #expect(process.output.contains("etcd-gateway"))
        }

        @Test(arguments: [["--help"], ["start", "--help"]])
        func help_namesEveryFlag(arguments: [String]) async throws {
            let process = try ChildProcess(ToolBox.gateway(), arguments)
            #expect(try await process.waitForExit() == .code(0))
            for flag in [
                "--listen-addr", "--endpoints", "--discovery-srv", "--discovery-srv-name", "--insecure-discovery",
                "--trusted-ca-file", "--retry-delay", "--dns-server", "--policy", "--dial-timeout", "--hold-timeout",
                "--max-sessions", "--loops", "--log-format", "--log-level", "--config-file",
            ] {
                #expect(process.output.contains(flag))
            }
        }

        @Test(arguments: [SIGTERM, SIGINT])
        func signal_endsItWithCode0(signal: Int32) async throws {
            let gateway = try await GatewayProcess.ready(["start", Self.nobody])
            gateway.process.send(signal)
            #expect(try await gateway.process.waitForExit() == .code(0))
        }
    }
}
