extension Handover {
    private static let header = "etcd-gateway-handover 1"
    /// No note is longer (CSP_NOTE_MAX).
    public static let longestText = 65_536

    /// As text. What does not fit is left out from the end: totals first, then former places, whose sessions say where they
    /// are.
    public var text: String {
        var text = "\(Self.header)\nsource \(source)\n"
        if let pinned { text += "pinned \(pinned.slot)\n" }
        for line in drained.map(\.text) + entries.map(\.text) + totals.lines {
            guard text.utf8.count + line.utf8.count <= Self.longestText else { break }
            text += line
        }
        return text
    }

    /// Reads it back. `nil` where it is no handover; a line that a later version has added is passed over, one that is wrong
    /// as well: what it would have said is found out again.
    public init?(parsing text: String) {
        guard text.utf8.count <= Self.longestText else { return nil }
        var lines = text.split(atByte: "\n")[...]
        guard lines.popFirst() == Self.header[...], let source = lines.popFirst()?.dropPrefix("source ") else {
            return nil
        }
        self.init(source: String(source), entries: [])
        var slots: Set<UInt32> = []
        for line in lines {
            let words = line.split(atByte: " ")
            if words.count == 2, words[0] == "pinned" { pinned = EndpointID(word: words[1]) }
            if let one = Drained(words: words) {
                if !drained.contains(where: { $0.key == one.key }) { drained.append(one) }
                continue
            }
            totals.take(words)
            guard let entry = Entry(words: words), slots.insert(entry.id.slot).inserted else { continue }
            entries.append(entry)
        }
    }
}

extension EndpointID {
    fileprivate init?(word: Substring) {
        guard let slot = UInt16(decimalDigits: word), slot < EndpointSet.slots else { return nil }
        self.init(slot: UInt32(slot))
    }
}

extension Handover.Drained {
    fileprivate var text: String { (["drained"] + key.words + ["\(grace)", "\(left)"]).joined(separator: " ") + "\n" }

    /// `drained HOST PORT GRACE LEFT`, in milliseconds.
    fileprivate init?(words: [Substring]) {
        guard words.count == 5, words[0] == "drained", let key = EndpointKey(words: words[1...2]),
            let grace = UInt32(decimalDigits: words[3]), let left = UInt32(decimalDigits: words[4])
        else { return nil }
        self.init(key: key, grace: grace, left: left)
    }
}

extension Handover.Entry {
    fileprivate var text: String {
        let words = ["endpoint", "\(id.slot)", isGood ? "good" : "bad"] + declaration.words + addresses.map { "\($0)" }
        return words.joined(separator: " ") + "\n"
    }

    /// `endpoint SLOT good|bad`, the six words of a declaration, addresses with their ports.
    fileprivate init?(words: [Substring]) {
        let first = 3 + EndpointDeclaration.wordCount
        guard words.count > first, words.count <= first + ControlMachine.addressesAtMost, words[0] == "endpoint",
            let id = EndpointID(word: words[1]), words[2] == "good" || words[2] == "bad",
            let declaration = EndpointDeclaration(words: words[3..<first])
        else { return nil }
        let addresses = words[first...].compactMap { SocketAddress($0) }
        guard addresses.count == words.count - first else { return nil }
        self.init(id: id, declaration: declaration, isGood: words[2] == "good", addresses: addresses)
    }
}
