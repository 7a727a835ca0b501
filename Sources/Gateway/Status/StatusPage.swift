/// placeholder while the page is drawn
public struct StatusPage {
    private let status: GatewayStatus
    public init(_ status: GatewayStatus) { self.status = status }
    public var html: String { "<!doctype html>" }
}
