import ArgumentParser
import Gateway
import GatewayRuntime

/// The whole command line: words say what to do, flags may stand before, between and after them.
struct Command: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "etcd-gateway",
        abstract: "One stable local address for an etcd cluster.",
        usage: """
            etcd-gateway [start] [flags]
            etcd-gateway gateway start [flags]   (as in `etcd gateway start`)
            etcd-gateway version
            """,
        discussion: """
            Applications talk to 127.0.0.1:23790; the gateway forwards their connections, bytes untouched, to a member \
            of the cluster that works, and to another one when that fails.

            With members written down:  etcd-gateway --endpoints=infra0.example.com,infra1.example.com
            With members found by DNS:  etcd-gateway --discovery-srv=example.com

            Every flag can also be given as an environment variable (--retry-delay: ETCD_GATEWAY_RETRY_DELAY), or as a \
            line KEY=value with that name in the settings file. A flag wins over the environment, the environment over \
            the file. Durations are written like 250ms, 10s or 1m0s.
            """,
        version: Version.text)

    /// What is to be done.
    enum Task {
        case start, version
    }

    @Argument(help: "What to do: start (the default) or version.")
    var words: [String] = []
    @OptionGroup var flags: CommandLineFlags

    /// The task that the words name.
    func task() throws -> Task {
        switch words {
        case [], ["start"], ["gateway"], ["gateway", "start"]: return .start
        case ["version"]: return .version
        default:
            throw ValidationError(
                "\"\(words.joined(separator: " "))\" is no command; right would be: start (the default) or version")
        }
    }

    /// A flag without a value that is a Boolean means true: `--insecure-discovery`, as with `etcd gateway`.
    static func normalized(_ arguments: [String]) -> [String] {
        let booleans = Set(Setting.allCases.filter(\.isBoolean).map(\.flag))
        return arguments.map { booleans.contains($0) ? $0 + "=true" : $0 }
    }
}
