/// The traffic of endpoints by name, although the loops count by number: an endpoint changes its number when its host moves,
/// and a number is given to another endpoint when the first is long gone. What was once reported never becomes less.
public struct EndpointLedger: Sendable {
    private struct Account {
        var key: EndpointKey
        /// What the number had counted when the endpoint got it.
        var before: EndpointTraffic
        var last: EndpointTraffic
    }

    private var accounts: [EndpointID: Account] = [:]
    /// What endpoints have counted under numbers that they have no more.
    private var closed: [EndpointKey: EndpointTraffic] = [:]
    /// What was counted under a number when it was last looked at without a holder: the next holder starts there.
    private var ends: [EndpointID: EndpointTraffic] = [:]
    /// What was counted for endpoints that are gone, the last bytes of their sessions included.
    public private(set) var forgotten = EndpointTraffic()

    /// No account.
    public init() {}

    /// The traffic of each endpoint, given who has which number now and what is counted under it. Endpoints that are gone
    /// are forgotten.
    public mutating func traffic(
        of holders: [(id: EndpointID, key: EndpointKey)], counted: (EndpointID) -> EndpointTraffic
    ) -> [EndpointKey: EndpointTraffic] {
        let keys = Dictionary(holders.map { ($0.id, $0.key) }) { first, _ in first }
        for (id, account) in accounts where keys[id] != account.key {
            close(id, account, counted, isFree: keys[id] == nil)
        }
        forget(except: Set(holders.map(\.key)))
        countLateBytes(counted, except: keys)
        var traffic = closed
        for (id, key) in holders {
            let now = counted(id)
            let before = accounts[id]?.before ?? ends.removeValue(forKey: id) ?? EndpointTraffic()
            accounts[id] = Account(key: key, before: before, last: now)
            var own = now
            own.subtract(before)
            traffic[key, default: EndpointTraffic()].add(own)
        }
        return traffic
    }

    /// Their series end, and what they have counted goes into the sum of all that is gone.
    private mutating func forget(except keys: Set<EndpointKey>) {
        for (key, traffic) in closed where !keys.contains(key) {
            forgotten.add(traffic)
            closed[key] = nil
        }
    }

    /// Sessions may end a little later than their endpoint is forgotten.
    private mutating func countLateBytes(
        _ counted: (EndpointID) -> EndpointTraffic, except holders: [EndpointID: EndpointKey]
    ) {
        for (id, end) in ends where holders[id] == nil {
            let now = counted(id).withoutPresent
            var late = now
            late.subtract(end)
            forgotten.add(late)
            ends[id] = now
        }
    }

    private mutating func close(
        _ id: EndpointID, _ account: Account, _ counted: (EndpointID) -> EndpointTraffic, isFree: Bool
    ) {
        // A number that nobody has got since still counts for its last holder; else what was last seen is what is known.
        let end = (isFree ? counted(id) : account.last).withoutPresent
        var own = end
        own.subtract(account.before)
        closed[account.key, default: EndpointTraffic()].add(own)
        (accounts[id], ends[id]) = (nil, end)
    }
}
