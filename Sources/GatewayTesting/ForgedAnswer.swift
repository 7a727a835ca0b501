/// An answer of a name server that lies: records that nobody asked for, in places where they do not belong.
public struct ForgedAnswer: Sendable, Equatable {
    /// A record as it stands in a message.
    public struct Record: Sendable, Equatable {
        /// Whose it says it is; the name of the question where it is nil.
        public var owner: String?
        /// The number of its type.
        public var type: UInt16
        /// For how many seconds it holds.
        public var ttl: UInt32
        /// What it says, in the form of its type.
        public var data: [UInt8]

        /// Any record at all.
        public init(owner: String? = nil, type: UInt16, ttl: UInt32 = 1, data: [UInt8]) {
            (self.owner, self.type, self.ttl, self.data) = (owner, type, ttl, data)
        }

        /// An IPv4 address, as four numbers.
        public static func a(owner: String? = nil, _ address: [UInt8], ttl: UInt32 = 1) -> Record {
            Record(owner: owner, type: DNSMessage.RecordType.a.rawValue, ttl: ttl, data: address)
        }

        /// Another name.
        public static func cname(owner: String? = nil, _ target: String, ttl: UInt32 = 1) -> Record {
            Record(owner: owner, type: DNSMessage.RecordType.cname.rawValue, ttl: ttl, data: DNSMessage.encoded(target))
        }

        /// A service at port 2379 of `target`.
        public static func srv(owner: String? = nil, _ target: String, port: UInt16 = 2379, ttl: UInt32 = 1) -> Record {
            Record(
                owner: owner, type: DNSMessage.RecordType.srv.rawValue, ttl: ttl,
                data: DNSMessage.bytes([0, 0, port]) + DNSMessage.encoded(target))
        }

        fileprivate var bytes: [UInt8] {
            // The name of the question stands at offset 12.
            let name = owner.map(DNSMessage.encoded) ?? [0xC0, 12]
            return name + DNSMessage.bytes([type, 1]) + DNSMessage.bytes(ttl) + DNSMessage.bytes(UInt16(data.count))
                + data
        }
    }

    /// In the section of answers.
    public var answers: [Record]
    /// In the section where helpful servers put what may be asked next.
    public var additional: [Record]
    /// Answers another question than was asked.
    public var question: String?
    /// Does not carry the number of the query.
    public var hasWrongNumber: Bool

    /// An answer with these records.
    public init(
        _ answers: [Record], additional: [Record] = [], question: String? = nil, hasWrongNumber: Bool = false
    ) {
        (self.answers, self.additional) = (answers, additional)
        (self.question, self.hasWrongNumber) = (question, hasWrongNumber)
    }

    /// The message that answers `query`. What is longer than a datagram of old is only said to be so there.
    func message(to query: [UInt8], questionEnd: Int, isOverTCP: Bool) -> [UInt8] {
        let asked = question.map { DNSMessage.encoded($0) + query[questionEnd - 4..<questionEnd] }
        let body = (answers + additional).flatMap(\.bytes)
        let isTruncated = !isOverTCP && body.count > 400
        let counts: [UInt16] = [
            0x8500 | (isTruncated ? 0x0200 : 0), 1, isTruncated ? 0 : UInt16(answers.count), 0,
            isTruncated ? 0 : UInt16(additional.count),
        ]
        let number = hasWrongNumber ? query[0..<2].map { ~$0 } : Array(query[0..<2])
        return number + DNSMessage.bytes(counts) + (asked ?? Array(query[12..<questionEnd])) + (isTruncated ? [] : body)
    }
}
