/// The `etcdctl` program, aimed at one address with one set of credentials.
public struct Etcdctl: Sendable {
    /// What one run of it gave.
    public struct Result: Sendable {
        /// Standard output.
        public let output: String
        /// Standard error.
        public let errors: String
        /// How it ended; `.code(0)` is success.
        public let exitStatus: ExitStatus
        /// From start to end, the program's own start included.
        public let duration: Duration

        /// Whether etcd did what was asked.
        public var isSuccess: Bool { exitStatus == .code(0) }
    }

    /// What it presents and trusts where the members want TLS.
    public struct Credentials: Sendable {
        /// The path of the certificate of the authority that it trusts.
        public let authority: String
        /// Its own certificate.
        public let identity: CertificateAuthority.Identity

        /// Creates credentials.
        public init(authority: String, identity: CertificateAuthority.Identity) {
            self.authority = authority
            self.identity = identity
        }
    }

    private let program: String
    private let flags: [String]

    /// Creates a client of the member or gateway at `address` ("127.0.0.1:23790"); TLS is used where there are
    /// credentials.
    public init(address: String, credentials: Credentials? = nil) throws {
        program = try ToolBox.tool("etcdctl")
        if let credentials {
            flags = [
                "--endpoints=https://\(address)", "--cacert=\(credentials.authority)",
                "--cert=\(credentials.identity.certificate)", "--key=\(credentials.identity.key)",
            ]
        } else {
            flags = ["--endpoints=http://\(address)"]
        }
    }

    /// Starts a command and returns at once: for a watch, a lock, a keep-alive.
    public func start(_ arguments: [String], input: String = "/dev/null") throws -> ChildProcess {
        try ChildProcess(program, flags + arguments, environment: ["ETCDCTL_API": "3"], input: input)
    }

    /// Runs a command to its end, whatever that is.
    public func run(
        _ arguments: [String], input: String = "/dev/null", within limit: Duration = .seconds(30)
    ) async throws -> Result {
        let started = ContinuousClock.now
        let process = try start(arguments, input: input)
        let exitStatus = try await process.waitForExit(within: limit)
        return Result(
            output: process.output, errors: process.errors, exitStatus: exitStatus,
            duration: ContinuousClock.now - started)
    }

    /// Runs a command that must succeed and returns its output; throws with all it said otherwise.
    @discardableResult
    public func callAsFunction(_ arguments: String..., input: String = "/dev/null") async throws -> String {
        let result = try await run(arguments, input: input)
        guard result.isSuccess else {
            throw TestingError(
                "etcdctl \(arguments.joined(separator: " ")) ended with \(result.exitStatus) after \(result.duration):"
                    + " \(result.output)\(result.errors)")
        }
        return result.output
    }
}
