/// A position in a DNS message, from which numbers and names are taken. Reading past the end throws, it never traps.
struct DNSReader {
    /// The longest name on the wire, its lengths and the final zero included (RFC 1035, section 2.3.4).
    private static let longestName = 255
    /// A name of 255 bytes has at most 127 labels; whoever points more often than once for each wants to keep us busy.
    private static let mostPointers = 127

    private let bytes: [UInt8]
    /// Where the next byte is read.
    private(set) var offset = 0
    /// Bytes at and behind this offset cannot be read.
    private let end: Int

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        end = bytes.count
    }

    private init(_ bytes: [UInt8], from offset: Int, to end: Int) {
        self.bytes = bytes
        self.offset = offset
        self.end = end
    }

    /// Whether everything was read.
    var isAtEnd: Bool { offset == end }

    mutating func byte() throws(DNSMessageError) -> UInt8 {
        guard offset < end else { throw .tooShort }
        defer { offset += 1 }
        return bytes[offset]
    }

    mutating func number<Number: FixedWidthInteger & UnsignedInteger>() throws(DNSMessageError) -> Number {
        Number(bigEndianBytes: try take(Number.bitWidth / 8))
    }

    mutating func take(_ count: Int) throws(DNSMessageError) -> ArraySlice<UInt8> {
        guard count <= end - offset else { throw .tooShort }
        defer { offset += count }
        return bytes[offset..<(offset + count)]
    }

    /// A reader of the next `count` bytes, which are passed over here. Its names may still point to what lies before.
    mutating func section(_ count: Int) throws(DNSMessageError) -> DNSReader {
        let start = offset
        _ = try take(count)
        return DNSReader(bytes, from: start, to: offset)
    }

    /// A name, compressed or not.
    ///
    /// Each pointer must lead to before the run of labels that it ends. So every jump goes further back than the one before,
    /// and a name that never ends cannot be written.
    mutating func name() throws(DNSMessageError) -> DNSName {
        var name = DNSName()
        var start = offset
        var cursor = self
        var pointers = 0
        while true {
            let length = try cursor.byte()
            switch length >> 6 {
            case 0b00 where length == 0:
                if pointers == 0 { offset = cursor.offset }
                return name
            case 0b00:
                name.labels.append(try cursor.take(Int(length)))
                guard name.wireLength <= Self.longestName else { throw .name }
            case 0b11:
                let target = Int(length & 0x3F) << 8 | Int(try cursor.byte())
                guard target < start, pointers < Self.mostPointers else { throw .name }
                if pointers == 0 { offset = cursor.offset }
                pointers += 1
                start = target
                cursor = DNSReader(bytes, from: target, to: bytes.count)
            default:
                throw .name
            }
        }
    }
}

/// A name as it came from the wire.
struct DNSName {
    /// From the host to the top-level domain; none for the root.
    var labels: [ArraySlice<UInt8>] = []

    /// Its bytes on the wire without compression.
    var wireLength: Int { labels.reduce(1) { $0 + $1.count + 1 } }

    /// In lower case, joined by dots, `.` for the root; a byte that no host name has as `\DDD`.
    var text: String {
        guard !labels.isEmpty else { return "." }
        var text: [UInt8] = []
        for label in labels {
            if !text.isEmpty { text.append(UInt8(ascii: ".")) }
            for byte in label { text += byte.isHostNameByte ? [byte.lowercased] : Self.escaped(byte) }
        }
        return String(decoding: text, as: UTF8.self)
    }

    private static func escaped(_ byte: UInt8) -> [UInt8] {
        let zero = UInt8(ascii: "0")
        return [UInt8(ascii: "\\"), zero + byte / 100, zero + byte / 10 % 10, zero + byte % 10]
    }
}
