public import Gateway

/// What a person can ask of a gateway that runs, or order it to do.
public enum ClientCommand: Equatable, Sendable {
    /// How it is doing, as a screen or as JSON, once or again and again.
    case status(isJSON: Bool, isWatching: Bool)
    /// The live sessions.
    case sessions(SessionOrder, limit: Int, isJSON: Bool)
    /// Which endpoint the next client would get, and why.
    case explain(isJSON: Bool)
    /// Something that changes how it works.
    case order(AdminOrder)
}

/// Where a gateway that runs can be asked.
public enum AdminSocketPath {
    /// Where the unit that the package installs lets it listen.
    public static let usual = "/run/etcd-gateway/admin.sock"

    /// Where a unit lets the one listen whose settings are in this file: an instance has its own, named as the file is.
    static func usual(ofFile path: String?) -> String {
        let name = path?.split(separator: "/").last ?? ""
        return name.hasPrefix("etcd-gateway@") ? "/run/\(name)/admin.sock" : usual
    }
}
