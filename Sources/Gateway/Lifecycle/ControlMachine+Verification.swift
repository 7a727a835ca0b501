// Verified discovery: with an authority to trust, a target of the ssl service is dialed only after it has proven itself.
extension ControlMachine {
    /// Of these addresses those that may be dialed.
    mutating func proven(_ addresses: [SocketAddress], of member: EndpointSet.Member, at now: Instant)
        -> [SocketAddress]
    {
        guard options.nameToProve(member.declaration) != nil else {
            verification[member.id] = nil
            return addresses
        }
        verification[member.id, default: EndpointVerification()].addressesKnown(addresses, at: now)
        return addresses.filter { verification[member.id]?.isVerified($0) == true }
    }

    mutating func dueVerifications(at now: Instant) -> [Action] {
        verification.keys.sorted().flatMap { id -> [Action] in
            guard let member = endpoints[id], let name = options.nameToProve(member.declaration) else { return [] }
            return (verification[id]?.takeDue(at: now) ?? []).map { .verify(id, $0, name: name) }
        }
    }

    /// An address has shown its certificate, or could not be asked. The endpoint may have another number by now: another address
    /// of the same answer was proven before, and moved it there.
    public mutating func verificationEnded(
        _ id: EndpointID, _ address: SocketAddress, _ finding: CertificateFinding, at now: Instant,
        using generator: inout some RandomNumberGenerator
    ) -> [Action] {
        guard let key = endpoints[id]?.declaration.key else { return [] }
        let id = endpoints[key]?.id ?? id
        var actions: [Action] = []
        if let state = verification[id]?.ended(address, finding, at: now, using: &generator) {
            actions = tell(state, finding, key, address) + readAddresses(at: now)
        }
        return actions + settle(at: now, using: &generator)
    }

    private func tell(
        _ state: EndpointVerification.State, _ finding: CertificateFinding, _ key: EndpointKey,
        _ address: SocketAddress
    ) -> [Action] {
        switch (state, finding) {
        case (.verified, _): [.tell(.endpointVerified(key, address))]
        case (.refused, .refused(let reason)): [.tell(.endpointRefused(key, address, reason: reason))]
        case (.unverified(failures: 1), .unreachable(let failure, _)):
            [.tell(.endpointUnverified(key, address, failure))]
        default: []
        }
    }
}

extension ControlOptions {
    /// The name for which an endpoint's certificate must be valid; `nil` where nothing has to be proven.
    public func nameToProve(_ declaration: EndpointDeclaration) -> String? {
        guard let rule = verification, declaration.origin == .discoveredTLS else { return nil }
        switch rule {
        case .domain(let domain): return domain
        case .target: return declaration.key.host.plainName
        }
    }
}

extension Host {
    /// The text of an address or name, without the dot that marks a name as absolute.
    var plainName: String {
        guard case .name(let name) = self, name.utf8.last == UInt8(ascii: ".") else { return description }
        return String(name.dropLast())
    }
}
