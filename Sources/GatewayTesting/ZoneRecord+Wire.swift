import Foundation

extension ZoneRecord {
    /// The record in the form of an answer to a question for `name` and `type`; nil where it is none.
    func answer(to name: String, type: UInt16) -> [UInt8]? {
        guard type == recordType.rawValue, owner.lowercased() == name, let data else { return nil }
        // The name is that of the question, which stands at offset 12.
        return [0xC0, 12] + DNSMessage.bytes(type) + DNSMessage.bytes(UInt16(1)) + DNSMessage.bytes(ttl)
            + DNSMessage.bytes(UInt16(data.count)) + data
    }

    private var recordType: DNSMessage.RecordType {
        switch self {
        case .srv: .srv
        case .a: .a
        case .aaaa: .aaaa
        case .cname: .cname
        }
    }

    private var owner: String {
        switch self {
        case .srv(let service, _, _, _, _, _): service
        case .a(let name, _, _), .aaaa(let name, _, _), .cname(let name, _, _): name
        }
    }

    private var ttl: UInt32 {
        switch self {
        case .srv(_, _, _, _, _, let ttl): ttl
        case .a(_, _, let ttl), .aaaa(_, _, let ttl), .cname(_, _, let ttl): ttl
        }
    }

    private var data: [UInt8]? {
        switch self {
        case .srv(_, let priority, let weight, let port, let target, _):
            DNSMessage.bytes([priority, weight, port]) + DNSMessage.encoded(target)
        case .a(_, let address, _): Self.packed(address, family: AF_INET, size: 4)
        case .aaaa(_, let address, _): Self.packed(address, family: AF_INET6, size: 16)
        case .cname(_, let target, _): DNSMessage.encoded(target)
        }
    }

    private static func packed(_ address: String, family: Int32, size: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: size)
        return inet_pton(family, address, &bytes) == 1 ? bytes : nil
    }
}
