extension EndpointDeclaration {
    /// How many words a declaration is.
    static let wordCount = 6

    /// Host, port, origin, whether it speaks TLS, priority, weight.
    var words: [String] {
        key.words + [
            origin.word, speaksTLS.map { $0 ? "tls" : "plain" } ?? "unknown", "\(priority)", "\(weight)",
        ]
    }

    /// Reads ``words`` back; `nil` where one of them is wrong, or one too many.
    init?(words: ArraySlice<Substring>) {
        let words = Array(words)
        guard words.count == Self.wordCount, let key = EndpointKey(words: words[...1]),
            let origin = Origin(word: words[2]), let priority = UInt16(decimalDigits: words[4]),
            let weight = UInt16(decimalDigits: words[5])
        else { return nil }
        let speaksTLS: Bool? = words[3] == "tls" ? true : words[3] == "plain" ? false : nil
        self.init(
            key: key, priority: priority, weight: weight, origin: origin,
            speaksTLS: speaksTLS)
    }
}

extension EndpointKey {
    /// Host and port.
    var words: [String] { [host.description, "\(port)"] }

    /// Reads ``words`` back; `nil` where one of them is wrong.
    init?(words: ArraySlice<Substring>) {
        let words = Array(words)
        guard words.count == 2, let host = Host(words[0]), let port = UInt16(decimalDigits: words[1]), port != 0 else {
            return nil
        }
        self.init(host: host, port: port)
    }
}

extension EndpointDeclaration.Origin {
    fileprivate var word: String {
        switch self {
        case .configured: "configured"
        case .discoveredTLS: "srv-ssl"
        case .discoveredPlain: "srv"
        }
    }

    fileprivate init?(word: Substring) {
        switch word {
        case "configured": self = .configured
        case "srv-ssl": self = .discoveredTLS
        case "srv": self = .discoveredPlain
        default: return nil
        }
    }
}
