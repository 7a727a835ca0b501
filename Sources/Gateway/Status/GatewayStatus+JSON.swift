extension GatewayStatus {
    /// The form that `/status` and `status --json` give; docs/status.md explains each member.
    public var json: JSON {
        .members([
            "schema": .integer(Self.schema), "time": .string("\(time)"), "version": .string(program.version),
            "process": .integer(program.process), "uptime_seconds": .seconds(program.uptime),
            "ready": .bool(isReady), "stopping": .bool(isStopping), "policy": .string(program.policy),
            "listeners": .strings(program.listeners),
            "log_level": .string(program.logLevel), "traffic": traffic.json,
            "endpoints": .array(endpoints.map(\.json)), "discovery": discovery?.json ?? .null,
            "events": .array(events.map(\.json)),
        ])
    }

    /// Reads ``json``, also that of another release: members that are missing are empty, those not known are skipped. `nil`
    /// where it is no status, or one of a schema that we do not know.
    public init?(_ json: JSON) {
        guard json["schema"]?.integer() == Self.schema, let time = json["time"]?.text.flatMap({ WallTime($0) }) else {
            return nil
        }
        self.init(
            time: time, program: Program(json), isReady: json["ready"]?.boolean ?? false,
            isStopping: json["stopping"]?.boolean ?? false,
            traffic: GatewayTraffic(json["traffic"]),
            endpoints: json["endpoints"]?.items?.compactMap { EndpointStatus($0) } ?? [],
            discovery: json["discovery"].flatMap { DiscoveryStatus($0) },
            events: json["events"]?.items?.compactMap { StatusEvent($0) } ?? [])
    }
}

extension GatewayStatus.Program {
    fileprivate init(_ json: JSON) {
        self.init(
            version: json["version"]?.text ?? "", process: json["process"]?.integer() ?? 0,
            uptime: json["uptime_seconds"]?.duration ?? .zero, policy: json["policy"]?.text ?? "",
            listeners: json["listeners"]?.items?.compactMap(\.text) ?? [], logLevel: json["log_level"]?.text ?? "")
    }
}
