import Gateway

/// Writes DNS replies byte by byte, right ones and wrong ones.
struct DNSBuilder {
    private(set) var bytes: [UInt8]

    /// A header. Bit 15 of `flags` says that this is a reply, bit 9 that it is truncated, bits 0 to 3 are the response code.
    init(
        id: UInt16 = 0x1234, flags: UInt16 = 0x8180, questions: UInt16 = 0, answers: UInt16 = 0, authorities: UInt16 = 0
    ) {
        bytes = []
        for number in [id, flags, questions, answers, authorities, 0] { add(number) }
    }

    /// Where the next byte will stand, as a compression pointer to it.
    var pointer: [UInt8] { [0xC0 | UInt8(bytes.count >> 8), UInt8(bytes.count & 0xFF)] }

    mutating func add(_ number: UInt16) { bytes += [UInt8(number >> 8), UInt8(number & 0xFF)] }

    mutating func add(_ number: UInt32) {
        add(UInt16(number >> 16))
        add(UInt16(truncatingIfNeeded: number))
    }

    mutating func question(_ name: String, _ type: DNSRecordType) {
        bytes += Self.name(name)
        add(type.rawValue)
        add(1 as UInt16)
    }

    mutating func record(
        _ name: [UInt8], _ type: DNSRecordType, ttl: UInt32 = 60, class: UInt16 = 1, length: Int? = nil, _ data: [UInt8]
    ) {
        bytes += name
        add(type.rawValue)
        add(`class`)
        add(ttl)
        add(UInt16(length ?? data.count))
        bytes += data
    }

    mutating func record(_ name: String, _ type: DNSRecordType, ttl: UInt32 = 60, _ data: [UInt8]) {
        record(Self.name(name), type, ttl: ttl, data)
    }

    /// An uncompressed name; `.` is the root.
    static func name(_ text: String) -> [UInt8] {
        text.split(separator: ".").flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) } + [0]
    }

    static func service(_ priority: UInt16, _ weight: UInt16, _ port: UInt16, _ target: [UInt8]) -> [UInt8] {
        [priority, weight, port].flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] } + target
    }

    /// The data of a SOA record with this minimum.
    static func startOfAuthority(minimum: UInt32) -> [UInt8] {
        name("ns.example.com") + name("root.example.com") + Array(repeating: 0, count: 16)
            + [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: minimum >> $0) }
    }
}
