/// What DNS says, and when it is asked again.
public struct DiscoveryStatus: Equatable, Sendable {
    /// One question that is asked for ever.
    public struct Name: Equatable, Sendable {
        /// How the last try ended.
        public enum State: String, CaseIterable, Sendable {
            /// No answer has come yet, and no try has failed.
            case untried
            /// It has records.
            case fine
            /// It has none.
            case none
            /// No usable answer came; what was known stays.
            case failing
        }

        /// The name that is asked for.
        public var name: String
        /// `SRV`, `A` or `AAAA`.
        public var type: String
        /// How the last try ended.
        public var state: State
        /// How many records the last good answer had.
        public var records: Int
        /// How old the last answer is.
        public var age: Duration?
        /// When it is asked again; `nil` while that is under way.
        public var nextRefresh: Duration?
        /// Why the last try failed.
        public var error: String?
    }

    /// Whose SRV records name the endpoints; `nil` where they are written down and DNS has but to find their addresses.
    public var domain: String?
    /// From where the endpoints are: `DNS`, `the settings`, `the last run`, `nowhere yet`.
    public var source: String
    /// The questions, in their order.
    public var names: [Name]
}

extension DiscoveryStatus {
    var json: JSON {
        .members([
            "domain": domain.map { .string($0) } ?? .null, "source": .string(source),
            "names": .array(names.map(\.json)),
        ])
    }

    init?(_ json: JSON) {
        guard let source = json["source"]?.text else { return nil }
        self.init(
            domain: json["domain"]?.text, source: source, names: json["names"]?.items?.compactMap { Name($0) } ?? [])
    }
}

extension DiscoveryStatus.Name {
    fileprivate var json: JSON {
        .members([
            "name": .string(name), "type": .string(type), "state": .string(state.rawValue),
            "records": .integer(records), "age_seconds": .orNull(age), "next_refresh_seconds": .orNull(nextRefresh),
            "error": error.map { .string($0) } ?? .null,
        ])
    }

    fileprivate init?(_ json: JSON) {
        guard let name = json["name"]?.text, let state = json["state"]?.text.flatMap({ State(rawValue: $0) }) else {
            return nil
        }
        self.init(
            name: name, type: json["type"]?.text ?? "", state: state, records: json["records"]?.integer() ?? 0,
            age: json["age_seconds"]?.duration, nextRefresh: json["next_refresh_seconds"]?.duration,
            error: json["error"]?.text)
    }
}
