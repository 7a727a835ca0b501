/// When the last good set is written: when it has changed, and has stopped changing for a moment.
///
/// One that does not change is written again once a run and once a day, if DNS still says so: a set is used for seven days
/// only, and those count from when it was last true, not from when it was new.
struct Saving: Equatable, Sendable {
    /// Answers arrive one by one; the set is written when none has changed it for so long.
    static let delay = Duration.seconds(2)

    /// The same set is written again so long after it was written.
    static let period = Duration.seconds(24 * 3600)
    /// Or so long after it could not be written: a disk may be full for a while.
    static let retryDelay = Duration.seconds(60)

    let source: String
    /// A confirmation of the same set from then on is worth another write.
    var renewal = Instant.zero
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
        saving.renewal = now + Saving.period
        return [.save(set)]
    }

    /// What was to be saved could not be written.
    public mutating func saveFailed(at now: Instant) {
        saving.renewal = now + Saving.retryDelay
    }

    private mutating func noteGoodSet(at now: Instant) {
        guard saving.isStale, !isSuperseded else { return }
        saving.isStale = false
        let set = goodSet
        guard !set.entries.isEmpty else { return }
        let isChanged = set != (saving.next ?? saving.last)
        let isRenewed = saving.next == nil && confirmedAt.map { $0 >= saving.renewal } ?? false
        guard isChanged || isRenewed else { return }
        saving.next = set == saving.last && !isRenewed ? nil : set
        saving.due = saving.next.map { _ in now + Saving.delay }
    }

    /// Since when, at the latest, DNS has said all of what is good now; `nil` where it has not, or was not asked.
    private var confirmedAt: Instant? {
        if let source = options.discovery { return source.statement(in: names) }
        let hosts = Set(endpoints.all.map(\.declaration.key.host)).map(entries).filter { !$0.isEmpty }
        let answered = hosts.map { $0.compactMap(\.goodAt).max() }
        return answered.contains(nil) ? nil : answered.compactMap { $0 }.min()
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
