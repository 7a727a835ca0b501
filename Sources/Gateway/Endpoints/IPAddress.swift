/// An IPv4 or IPv6 address: a value, without port and without zone.
///
/// Its text form is in `IPAddress+Text.swift`.
public enum IPAddress: Hashable, Sendable {
    /// An IPv4 address as a number in host order: `127.0.0.1` is `0x7F00_0001`.
    case v4(UInt32)
    /// An IPv6 address as its upper and lower 64 bits, each in host order: `::1` is `(0, 1)`.
    case v6(UInt64, UInt64)
}

extension IPAddress {
    /// An address in network order: 4 bytes are IPv4, 16 are IPv6, any other count is `nil`.
    public init?(bytes: some Collection<UInt8>) {
        switch bytes.count {
        case 4: self = .v4(UInt32(bigEndianBytes: bytes))
        case 16: self = .v6(UInt64(bigEndianBytes: bytes.prefix(8)), UInt64(bigEndianBytes: bytes.dropFirst(8)))
        default: return nil
        }
    }

    /// The address in network order: 4 bytes for IPv4, 16 for IPv6.
    public var bytes: [UInt8] {
        switch self {
        case .v4(let value): value.bigEndianBytes
        case .v6(let upper, let lower): upper.bigEndianBytes + lower.bigEndianBytes
        }
    }

    /// The IPv4 address that an IPv4-mapped one (`::ffff:1.2.3.4`) stands for; every other address unchanged.
    public var unmapped: IPAddress {
        guard case .v6(0, let lower) = self, lower >> 32 == 0xFFFF else { return self }
        return .v4(UInt32(truncatingIfNeeded: lower))
    }

    /// Whether this is `127.0.0.0/8` or `::1`, IPv4-mapped or not: the peer is this machine.
    public var isLoopback: Bool {
        switch unmapped {
        case .v4(let value): value >> 24 == 127
        case .v6(let upper, let lower): upper == 0 && lower == 1
        }
    }

    /// Whether this is `0.0.0.0` or `::`, IPv4-mapped or not: to listen here is to listen on every address.
    public var isUnspecified: Bool {
        switch unmapped {
        case .v4(let value): value == 0
        case .v6(let upper, let lower): upper == 0 && lower == 0
        }
    }

    /// Whether this is `169.254.0.0/16` or `fe80::/10`, IPv4-mapped or not: it means something on one link only.
    public var isLinkLocal: Bool {
        switch unmapped {
        case .v4(let value): value >> 16 == 0xA9FE
        case .v6(let upper, _): upper >> 54 == 0xFE80 >> 6
        }
    }
}

extension IPAddress: Comparable {
    /// IPv4 before IPv6, then by number.
    public static func < (left: IPAddress, right: IPAddress) -> Bool {
        switch (left, right) {
        case (.v4(let left), .v4(let right)): left < right
        case (.v4, .v6): true
        case (.v6, .v4): false
        case (.v6(let leftUpper, let leftLower), .v6(let rightUpper, let rightLower)):
            (leftUpper, leftLower) < (rightUpper, rightLower)
        }
    }
}

extension FixedWidthInteger where Self: UnsignedInteger {
    /// The number whose bytes these are, most significant first. Bytes that do not fit push the first ones out.
    init(bigEndianBytes bytes: some Sequence<UInt8>) {
        self = bytes.reduce(0) { $0 << 8 | Self($1) }
    }

    /// The bytes of this number, most significant first.
    fileprivate var bigEndianBytes: [UInt8] {
        stride(from: Self.bitWidth - 8, through: 0, by: -8).map { UInt8(truncatingIfNeeded: self >> $0) }
    }
}
