public import Gateway
internal import Glibc

/// The program as a client of a gateway that runs. Exit codes: 0, 1 where there is no gateway or it is not ready or refuses,
/// 2 where the command line is wrong.
public enum ClientProgram {
    /// Carries a command out, at the socket that flags, environment or settings file name.
    public static func run(_ command: ClientCommand, flags: [Setting: [String]], environment: [String: String]) -> Int32
    {
        signal(SIGPIPE, SIG_IGN)  // whoever reads our output may stop
        let foreign = flags.keys.filter { $0 != .adminSocket && $0 != .configFile }.map(\.flag).sorted()
        guard foreign.isEmpty else {
            GatewayProgram.complain("\(foreign.joined(separator: ", ")) can be given to start and check only")
            return 2
        }
        let client = AdminClient(path: socketPath(flags, environment))
        do throws(AdminClient.Failure) {
            return try run(command, client)
        } catch {
            GatewayProgram.complain("\(error)")
            return 1
        }
    }

    /// Whatever else is wrong with the settings, a gateway that runs can be asked.
    static func socketPath(_ flags: [Setting: [String]], _ environment: [String: String]) -> String {
        let path = Settings.configFilePath(flags: flags, environment: environment)?.path
        let file = path.flatMap { path in SystemFile.read(path).map { (path, $0) } }
        return Settings.adminSocketPath(flags: flags, environment: environment, file: file)
            ?? AdminSocketPath.usual(ofFile: path)
    }

    private static func run(_ command: ClientCommand, _ client: AdminClient) throws(AdminClient.Failure) -> Int32 {
        switch command {
        case .status(let isJSON, let isWatching):
            return isWatching ? try StatusWatch(client, isJSON: isJSON).run() : try status(client, isJSON: isJSON)
        case .sessions(let order, let limit, let isJSON):
            let json = try get("/sessions?sort=\(order.rawValue)&limit=\(limit)", client)
            return try show(json, isJSON: isJSON) { SessionList($0)?.lines(isColoured: isColoured) }
        case .explain(let isJSON):
            return try show(try get("/explain", client), isJSON: isJSON) {
                Explanation($0)?.lines(isColoured: isColoured)
            }
        case .order(let order):
            return try carryOut(order, client)
        }
    }

    /// Between two looks, from which the bytes per second follow.
    private static let lookPause: UInt32 = 250_000

    private static func status(_ client: AdminClient, isJSON: Bool) throws(AdminClient.Failure) -> Int32 {
        if isJSON {
            let json = try get("/status", client)
            Output.write("\(json)", to: STDOUT_FILENO)
            return json["ready"]?.boolean == true ? 0 : 1
        }
        var samples = StatusSamples()
        samples.add(try status(client))
        usleep(lookPause)
        let status = try status(client)
        samples.add(status)
        let screen = StatusScreen(status, samples: samples, isColoured: isColoured)
        Output.write(screen.lines.joined(separator: "\n"), to: STDOUT_FILENO)
        return status.isReady ? 0 : 1
    }

    /// The status of a gateway of a release that we understand.
    static func status(_ client: AdminClient) throws(AdminClient.Failure) -> GatewayStatus {
        guard let status = GatewayStatus(try get("/status", client)) else { throw Self.otherRelease }
        return status
    }

    static func get(_ target: String, _ client: AdminClient) throws(AdminClient.Failure) -> JSON {
        let answer = try client.ask("GET", target)
        guard answer.isGood else { throw AdminClient.Failure(description: firstLine(answer.body)) }
        guard let json = JSON(parsing: answer.body) else { throw otherRelease }
        return json
    }

    private static func show(
        _ json: JSON, isJSON: Bool, _ lines: (JSON) -> [String]?
    ) throws(AdminClient.Failure) -> Int32 {
        guard !isJSON else {
            Output.write("\(json)", to: STDOUT_FILENO)
            return 0
        }
        guard let lines = lines(json) else { throw otherRelease }
        Output.write(lines.joined(separator: "\n"), to: STDOUT_FILENO)
        return 0
    }

    private static func carryOut(_ order: AdminOrder, _ client: AdminClient) throws(AdminClient.Failure) -> Int32 {
        let answer = try client.ask("POST", order.target)
        guard answer.isGood else { throw AdminClient.Failure(description: firstLine(answer.body)) }
        Output.write(firstLine(answer.body), to: STDOUT_FILENO)
        return 0
    }

    private static func firstLine(_ text: String) -> String {
        printable(text.split(separator: "\n", omittingEmptySubsequences: false).first ?? "", atMost: 4096)
    }

    private static let otherRelease = AdminClient.Failure(
        description: "the gateway that runs is of another release, which this program does not understand; restart it")

    // unsafe: nobody changes the environment of a client or a check; of the text, which has its zero at least, one byte
    // is looked at.
    /// Colours are for terminals whose user has not declined them (no-color.org).
    static var isColoured: Bool {
        let declined = unsafe getenv("NO_COLOR").map { unsafe $0.pointee != 0 }
        return isatty(STDOUT_FILENO) == 1 && declined != true
    }
}

extension AdminOrder {
    /// What a request line asks for.
    fileprivate var target: String {
        switch self {
        case .reload: "/reload"
        case .drain(let endpoint): "/drain?endpoint=\(AdminRequest.encoded(endpoint))"
        case .undrain(let endpoint): "/undrain?endpoint=\(AdminRequest.encoded(endpoint))"
        case .logLevel(let level): "/log-level?level=\(level.rawValue)"
        }
    }
}
