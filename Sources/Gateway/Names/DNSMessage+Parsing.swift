extension DNSMessage {
    private static let internetClass: UInt16 = 1

    /// Reads a whole reply. Damage is an error; a record that is merely useless to us is skipped.
    ///
    /// The additional section is not read: what stands there was not asked for.
    public static func parse(_ bytes: [UInt8]) throws(DNSMessageError) -> DNSMessage {
        var reader = DNSReader(bytes)
        let id: UInt16 = try reader.number()
        let flags: UInt16 = try reader.number()
        guard flags & 0x8000 != 0 else { throw .notAReply }
        let questionCount: UInt16 = try reader.number()
        let answerCount: UInt16 = try reader.number()
        let authorityCount: UInt16 = try reader.number()
        _ = try reader.take(2)
        guard questionCount <= 1 else { throw .questions }
        var message = DNSMessage(
            id: id, responseCode: UInt8(flags & 0xF), isTruncated: flags & 0x0200 != 0, question: nil, answers: [],
            authorityNegativeTTL: nil, skipped: 0)
        if questionCount == 1 { message.question = try question(&reader) }
        try message.readAnswers(Int(answerCount), &reader)
        guard Int(answerCount) <= mostRecords else { return message }
        try message.readAuthority(min(Int(authorityCount), mostRecords - Int(answerCount)), &reader)
        return message
    }

    private static func question(_ reader: inout DNSReader) throws(DNSMessageError) -> Question {
        let name = try reader.name()
        let type = DNSRecordType(rawValue: try reader.number())
        _ = try reader.take(2)
        return Question(name: name.text, type: type)
    }

    private mutating func readAnswers(_ count: Int, _ reader: inout DNSReader) throws(DNSMessageError) {
        let readable = min(count, Self.mostRecords)
        skipped = count - readable
        for _ in 0..<readable {
            if let record = try Self.record(&reader) {
                answers.append(record)
            } else {
                skipped += 1
            }
        }
    }

    private mutating func readAuthority(_ count: Int, _ reader: inout DNSReader) throws(DNSMessageError) {
        for _ in 0..<count {
            var header = try RecordHeader(&reader)
            guard header.isInternet, header.type == .soa else { continue }
            let ttl = min(header.ttl, try Self.minimumOfSOA(&header.data))
            authorityNegativeTTL = min(authorityNegativeTTL ?? ttl, ttl)
        }
    }

    /// What all records begin with.
    private struct RecordHeader {
        var name: DNSName
        var type: DNSRecordType
        var isInternet: Bool
        var ttl: UInt32
        var data: DNSReader

        init(_ reader: inout DNSReader) throws(DNSMessageError) {
            name = try reader.name()
            type = DNSRecordType(rawValue: try reader.number())
            isInternet = try reader.number() == internetClass
            let ttl: UInt32 = try reader.number()
            self.ttl = ttl >> 31 == 0 ? ttl : 0
            let length: UInt16 = try reader.number()
            data = try reader.section(Int(length))
        }
    }

    /// The next record, `nil` for one that is of no use.
    private static func record(_ reader: inout DNSReader) throws(DNSMessageError) -> DNSRecord? {
        var header = try RecordHeader(&reader)
        guard header.isInternet, let data = try data(of: header.type, &header.data) else { return nil }
        return DNSRecord(name: header.name.text, ttl: header.ttl, data: data)
    }

    private static func data(
        of type: DNSRecordType, _ reader: inout DNSReader
    ) throws(DNSMessageError) -> DNSRecord.Data? {
        let data: DNSRecord.Data?
        switch type {
        case .a: data = IPAddress(bytes: try reader.take(4)).map { .a($0) }
        case .aaaa: data = IPAddress(bytes: try reader.take(16)).map { .aaaa($0) }
        case .cname: data = .cname(try reader.name().text)
        case .srv: data = try service(&reader).map { .srv($0) }
        default: return .other(type)
        }
        guard reader.isAtEnd else { throw .recordLength }
        return data
    }

    /// `nil` where the target is no host name, or there is no port to dial.
    private static func service(_ reader: inout DNSReader) throws(DNSMessageError) -> ServiceRecord? {
        let priority: UInt16 = try reader.number()
        let weight: UInt16 = try reader.number()
        let port: UInt16 = try reader.number()
        let service = ServiceRecord(priority: priority, weight: weight, port: port, target: try reader.name().text)
        guard service.isUnavailable || port != 0 && Host.isValidName(service.target) else { return nil }
        return service
    }

    private static func minimumOfSOA(_ reader: inout DNSReader) throws(DNSMessageError) -> UInt32 {
        _ = try reader.name()
        _ = try reader.name()
        _ = try reader.take(16)  // serial, refresh, retry, expire
        let minimum: UInt32 = try reader.number()
        guard reader.isAtEnd else { throw .recordLength }
        return minimum
    }
}
