/// Which endpoint the next client would get, and why each other would not.
public struct Explanation: Equatable, Sendable {
    /// What an endpoint can hope for.
    public enum Chance: String, CaseIterable, Sendable {
        /// The next client gets it.
        case next
        /// The next client gets it or another one that shares.
        case shared
        /// It is good, and serves when those before it fail.
        case standby
        /// It is tried when all others fail.
        case lastResort = "last resort"
        /// It gets no client.
        case never
    }

    /// One endpoint.
    public struct Row: Equatable, Sendable {
        /// Its host and port.
        public var endpoint: String
        /// What it can hope for.
        public var chance: Chance
        /// Why.
        public var reason: String
    }

    /// How new sessions are spread.
    public var policy: String
    /// Clients that wait because nobody answers.
    public var heldClients: Int
    /// The endpoints, the likeliest first.
    public var rows: [Row]

    /// An explanation of these parts.
    public init(policy: String, heldClients: Int, rows: [Row]) {
        self.policy = policy
        self.heldClients = heldClients
        self.rows = rows
    }
}

extension Explanation {
    /// `{"schema":1,"policy":…,"held_clients":…,"endpoints":[{"endpoint":…,"chance":…,"reason":…}]}`
    public var json: JSON {
        let rows = rows.map { row in
            JSON.members([
                "endpoint": .string(row.endpoint), "chance": .string(row.chance.rawValue),
                "reason": .string(row.reason),
            ])
        }
        return .members([
            "schema": .integer(GatewayStatus.schema), "policy": .string(policy),
            "held_clients": .integer(heldClients), "endpoints": .array(rows),
        ])
    }

    /// Reads ``json``.
    public init?(_ json: JSON) {
        guard json["schema"]?.integer() == GatewayStatus.schema, let policy = json["policy"]?.text else { return nil }
        self.policy = policy
        heldClients = json["held_clients"]?.integer() ?? 0
        rows = (json["endpoints"]?.items ?? []).compactMap { row in
            guard let endpoint = row["endpoint"]?.text,
                let chance = row["chance"]?.text.flatMap({ Chance(rawValue: $0) })
            else { return nil }
            return Row(endpoint: endpoint, chance: chance, reason: row["reason"]?.text ?? "")
        }
    }
}
