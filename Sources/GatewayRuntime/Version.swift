/// Which program this is.
public enum Version {
    /// The release, by semantic versioning.
    public static let number = "0.1.0"

    /// What `etcd-gateway version` prints.
    public static let text = "etcd-gateway \(number)"
}
