import Foundation

/// The few parts of a DNS message (RFC 1035) that tests write and read.
enum DNSMessage {
    enum RecordType: UInt16 {
        case a = 1
        case cname = 5
        case soa = 6
        case aaaa = 28
        case srv = 33
    }

    /// A query for one name and type.
    static func query(identifier: UInt16, name: String, type: RecordType) -> [UInt8] {
        let header: [UInt16] = [identifier, 0x0100, 1, 0, 0, 0]
        let question: [UInt16] = [type.rawValue, 1]
        return bytes(header) + encoded(name) + bytes(question)
    }

    /// Two bytes, the higher first.
    static func bytes(_ value: UInt16) -> [UInt8] {
        [UInt8(value >> 8), UInt8(value & 0xFF)]
    }

    /// Two bytes for each.
    static func bytes(_ values: [UInt16]) -> [UInt8] {
        values.flatMap { bytes($0) }
    }

    /// Four bytes, the highest first.
    static func bytes(_ value: UInt32) -> [UInt8] {
        bytes(UInt16(value >> 16)) + bytes(UInt16(value & 0xFFFF))
    }

    /// A name as a sequence of labels.
    static func encoded(_ name: String) -> [UInt8] {
        name.split(separator: ".").flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) } + [0]
    }

    /// The name that starts at `offset`, and where it ends; nil where it is compressed or cut off.
    static func name(in message: [UInt8], at offset: Int) -> (name: String, end: Int)? {
        var labels: [String] = []
        var position = offset
        while position < message.count, message[position] < 64 {
            let length = Int(message[position])
            position += 1
            if length == 0 { return (labels.joined(separator: "."), position) }
            guard position + length <= message.count else { return nil }
            labels.append(String(decoding: message[position..<position + length], as: UTF8.self))
            position += length
        }
        return nil
    }

    /// Where the first question of a message ends, and what it asks.
    static func question(in message: [UInt8]) -> (name: String, type: UInt16, end: Int)? {
        guard message.count > 12, let (name, end) = name(in: message, at: 12), end + 4 <= message.count else {
            return nil
        }
        return (name, UInt16(message[end]) << 8 | UInt16(message[end + 1]), end + 4)
    }
}
