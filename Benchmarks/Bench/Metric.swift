/// What is measured, with its unit. The raw value is the key in JSON.
enum Metric: String, CaseIterable, Codable, CodingKeyRepresentable, Sendable {
    case gigabytesPerSecond = "gigabytes_per_second"
    case cpuSecondsPerGigabyte = "cpu_seconds_per_gigabyte"
    case perSecond = "per_second"
    case p50 = "p50_us"
    case p99 = "p99_us"
    case p999 = "p999_us"
    case cpuMicrosecondsPerRequest = "cpu_us_per_request"
    case kibibytesPerSession = "kibibytes_per_session"
    case descriptorsPerSession = "descriptors_per_session"
    case startMilliseconds = "start_ms"
    case residentMebibytes = "resident_mebibytes"
    case anonymousMebibytes = "anonymous_mebibytes"
    case wakeUpsPerSecond = "wake_ups_per_second"

    /// The head of its column in the table.
    var words: String {
        switch self {
        case .gigabytesPerSecond: "GB/s"
        case .cpuSecondsPerGigabyte: "CPU s/GB"
        case .perSecond: "per second"
        case .p50: "p50 µs"
        case .p99: "p99 µs"
        case .p999: "p99.9 µs"
        case .cpuMicrosecondsPerRequest: "CPU µs each"
        case .kibibytesPerSession: "KiB a session"
        case .descriptorsPerSession: "descriptors a session"
        case .startMilliseconds: "ms to the first connection"
        case .residentMebibytes: "MiB resident"
        case .anonymousMebibytes: "of it anonymous"
        case .wakeUpsPerSecond: "wake-ups a second, idle"
        }
    }

    /// Decimals that mean something.
    var decimals: Int {
        switch self {
        case .gigabytesPerSecond, .cpuSecondsPerGigabyte: 2
        case .perSecond, .p99, .p999: 0
        case .p50, .cpuMicrosecondsPerRequest, .descriptorsPerSession, .startMilliseconds, .residentMebibytes,
            .anonymousMebibytes, .wakeUpsPerSecond:
            1
        case .kibibytesPerSession: 2
        }
    }

    /// Whether more of it is better.
    var isGain: Bool { self == .gigabytesPerSecond || self == .perSecond }
}
