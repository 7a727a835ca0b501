/// A reply of a DNS server (RFC 1035), read from the raw bytes because only they carry the TTLs.
///
/// `parse` is in `DNSMessage+Parsing.swift`, what to do with the records in `DNSMessage+Answers.swift`.
public struct DNSMessage: Hashable, Sendable {
    /// What was asked.
    public struct Question: Hashable, Sendable {
        /// The name, normalized as in `DNSRecord.name`.
        public var name: String
        /// The type of the records asked for.
        public var type: DNSRecordType

        /// A question from its parts.
        public init(name: String, type: DNSRecordType) {
            self.name = name
            self.type = type
        }
    }

    /// No more records than this are read; the others count as `skipped`.
    public static let mostRecords = 512

    /// The number that ties this reply to its question.
    public var id: UInt16
    /// 0 is success, 3 says that the name does not exist; the other codes are failures of the server.
    public var responseCode: UInt8
    /// Whether the reply did not fit into its packet, so that the question should be asked again by TCP.
    public var isTruncated: Bool
    /// What was asked; `nil` where the server does not repeat it.
    public var question: Question?
    /// The records of the answer section, in their order.
    public var answers: [DNSRecord]
    /// For how many seconds "there is none" holds (RFC 2308); `nil` where the server does not say.
    public var authorityNegativeTTL: UInt32?
    /// How many records of the answer section were left out: not of class IN, an unusable SRV target, or too many.
    public var skipped: Int
}

/// One record of an answer.
public struct DNSRecord: Hashable, Sendable {
    /// What a record says.
    public enum Data: Hashable, Sendable {
        /// An IPv4 address.
        case a(IPAddress)
        /// An IPv6 address.
        case aaaa(IPAddress)
        /// Where a service is.
        case srv(ServiceRecord)
        /// The name is an alias of this one, normalized as in `name`.
        case cname(String)
        /// Something else; nothing is known but its type.
        case other(DNSRecordType)
    }

    /// Whom the record is about: in lower case, without the dot at its end; `.` for the root.
    ///
    /// Bytes that no host name has are written as `\DDD`, as in a zone file.
    public var name: String
    /// For how many seconds the record holds; 0 where the server sent nonsense (RFC 2181, section 8).
    public var ttl: UInt32
    /// What it says.
    public var data: Data

    /// A record from its parts.
    public init(name: String, ttl: UInt32, data: Data) {
        self.name = name
        self.ttl = ttl
        self.data = data
    }
}

/// Where a service is, as an SRV record says (RFC 2782).
public struct ServiceRecord: Hashable, Sendable {
    /// Endpoints of a higher number serve only when all of lower numbers have failed.
    public var priority: UInt16
    /// The share among records of the same priority; 0 means hardly any.
    public var weight: UInt16
    /// The port.
    public var port: UInt16
    /// A host name in lower case without the dot at its end, although it is absolute; or `.`.
    public var target: String

    /// Whether the domain says that it decidedly does not offer this service: the target is `.`.
    public var isUnavailable: Bool { target == "." }

    /// A record from its parts.
    public init(priority: UInt16, weight: UInt16, port: UInt16, target: String) {
        self.priority = priority
        self.weight = weight
        self.port = port
        self.target = target
    }
}

/// The type of a record, a number that IANA assigns.
public struct DNSRecordType: RawRepresentable, Hashable, Sendable {
    /// The number on the wire.
    public var rawValue: UInt16

    /// A type by its number.
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// An IPv4 address.
    public static let a = DNSRecordType(rawValue: 1)
    /// An alias.
    public static let cname = DNSRecordType(rawValue: 5)
    /// The start of a zone, which says how long "there is none" holds.
    public static let soa = DNSRecordType(rawValue: 6)
    /// An IPv6 address.
    public static let aaaa = DNSRecordType(rawValue: 28)
    /// Where a service is.
    public static let srv = DNSRecordType(rawValue: 33)
}

/// Why bytes are no DNS reply.
public enum DNSMessageError: Error, Hashable, Sendable {
    /// They end before they should.
    case tooShort
    /// They are a question.
    case notAReply
    /// They repeat more than one question, which no server does.
    case questions
    /// A name is too long, points forwards, or has a label of an unknown kind.
    case name
    /// A record's length does not fit its type.
    case recordLength
}

extension DNSMessageError: CustomStringConvertible {
    /// A few words for a log line.
    public var description: String {
        switch self {
        case .tooShort: "the DNS reply is cut short"
        case .notAReply: "the DNS message is no reply"
        case .questions: "the DNS reply repeats several questions"
        case .name: "a name in the DNS reply is malformed"
        case .recordLength: "a record in the DNS reply has a wrong length"
        }
    }
}
