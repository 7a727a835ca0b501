/// The chapters in which settings are explained, in the order of `allCases`.
public enum SettingGroup: CaseIterable, Sendable {
    case listening
    case endpoints
    case discovery
    case selection
    case health
    case sessions
    case administration
    case logging

    /// The heading above the settings of this group.
    public var title: String {
        switch self {
        case .listening: "Listening"
        case .endpoints: "Endpoints"
        case .discovery: "Discovery"
        case .selection: "Selection and failover"
        case .health: "Health of endpoints"
        case .sessions: "Sessions"
        case .administration: "Status and metrics"
        case .logging: "Logging"
        }
    }

    /// The settings of this group, in the order of `Setting.allCases`.
    public var settings: [Setting] { Setting.allCases.filter { $0.group == self } }
}
