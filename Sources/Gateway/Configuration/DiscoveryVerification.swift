/// `--discovery-verify`: the name for which the certificate of a discovered endpoint must be valid.
public enum DiscoveryVerification: String, CaseIterable, Sendable {
    /// The domain of discovery, so that a forged SRV record cannot lead to a stranger. The default.
    case domain
    /// The target of the SRV record: for members whose certificates do not name the domain.
    case target
}
