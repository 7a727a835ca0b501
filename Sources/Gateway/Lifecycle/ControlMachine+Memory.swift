/// When the last good set is written: when it has changed, and has stopped changing for a moment.
struct Saving: Equatable, Sendable {
    /// Answers arrive one by one; the set is written when none has changed it for so long.
    static let delay = Duration.seconds(2)

    let source: String
    /// What is on the disk, as far as we know.
    var last: LastGoodSet?
    /// What is to be written.
    var next: LastGoodSet?
    /// When.
    var due: Instant?
    /// Whether endpoints or their addresses may have changed since the set was last looked at.
    var isStale = false
}

extension ControlMachine {
    /// The endpoints that serve while discovery has nothing: the remembered ones and the configured ones.
    var fallbackDeclarations: [EndpointDeclaration] {
        (remembered?.entries.map(\.declaration) ?? []) + (options.endpointsAreDefault ? [] : options.endpoints)
    }

    /// What has changed and waits to be written.
    public var unsavedSet: LastGoodSet? { saving.next }

    /// Looks at what is good now, and says when to write it.
    mutating func dueSave(at now: Instant) -> [Action] {
        noteGoodSet(at: now)
        guard let due = saving.due, due <= now, let set = saving.next else { return [] }
        saving.last = set
        saving.next = nil
        saving.due = nil
        return [.save(set)]
    }

    private mutating func noteGoodSet(at now: Instant) {
        guard saving.isStale else { return }
        saving.isStale = false
        let set = goodSet
        guard !set.entries.isEmpty, set != (saving.next ?? saving.last) else { return }
        saving.next = set == saving.last ? nil : set
        saving.due = saving.next.map { _ in now + Saving.delay }
    }

    /// Present endpoints with what names resolved to. Endpoints that stand in for discovery are no news from it.
    private var goodSet: LastGoodSet {
        let isDiscovery = options.discovery != nil
        let entries = endpoints.all.compactMap { member -> LastGoodSet.Entry? in
            guard member.presence == .present, isDiscovery == (member.declaration.origin != .configured) else {
                return nil
            }
            guard case .name = member.declaration.key.host else {
                return LastGoodSet.Entry(declaration: member.declaration, addresses: [])
            }
            let addresses = resolved(member.declaration.key.host).prefix(Self.addressesAtMost)
            guard !addresses.isEmpty else { return nil }
            return LastGoodSet.Entry(declaration: member.declaration, addresses: addresses.sorted())
        }
        return LastGoodSet(source: saving.source, entries: entries)
    }
}
