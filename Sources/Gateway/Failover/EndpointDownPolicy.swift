/// `--on-endpoint-down`: what happens to the sessions of an endpoint that is proven dead.
public enum EndpointDownPolicy: String, CaseIterable, Sendable {
    /// They are reset, so that clients which would hang reconnect. The default.
    case reset
    /// They are left alone.
    case keep
}
