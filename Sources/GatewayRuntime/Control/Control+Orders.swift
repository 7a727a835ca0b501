internal import Gateway
internal import Logging

// What administrators order.
extension Control {
    /// Reads the settings again and brings them into force, all or none. Returns one line that says what has changed.
    func reload() async throws(OrderError) -> String {
        guard let reloading else { throw OrderError("the gateway is starting or stopping") }
        do throws(OrderError) {
            let news = try await reloading.reload()
            figures.counts.reloads.count(true)
            return news
        } catch {
            figures.counts.reloads.count(false)
            throw error
        }
    }

    /// Takes an endpoint out of service: no new session while anybody else is good; its sessions may go on for as long as
    /// those of a removed endpoint, or not at all. Returns one line that says what follows.
    func drain(_ endpoint: String, atOnce: Bool = false) throws(OrderError) -> String {
        let key = try known(endpoint)
        let grace = atOnce ? Duration.zero : machine.options.removalGrace
        let (verdict, actions) = machine.drained(
            key, within: grace, at: MonotonicClock.now(), using: &generator)
        perform(actions)
        switch verdict {
        case .takenOut:
            let sessions = atOnce ? "its sessions are reset now" : "its sessions are reset in \(grace.goText)"
            return "\(key) is out of service: it gets no new session, \(sessions)"
        case .lastOne: return "\(key) is out of service, but serves on until another endpoint is good"
        case .unknown: throw OrderError("\(key) is no endpoint any more")
        }
    }

    /// Puts an endpoint back that was taken out of service. Returns one line that says so.
    func undrain(_ endpoint: String) throws(OrderError) -> String {
        let key = try known(endpoint)
        let (wasOut, actions) = machine.undrained(key, at: MonotonicClock.now(), using: &generator)
        perform(actions)
        guard wasOut else { throw OrderError("\(key) is in service already") }
        return "\(key) is in service again"
    }

    /// The end has begun: sessions may go on until then, and nobody is told any more that we are ready.
    func stops(at instant: Instant) { stopsAt = instant }

    /// Other settings are in force for everything else.
    func reconfigure(_ settings: Settings, listeners: [SocketAddress], hasOtherNameServers: Bool) async {
        let files = TLSFiles(settings)
        await prober.use(files)
        verifier = files.authority.map(prober.verifier(authority:))
        self.listeners = listeners
        let now = MonotonicClock.now()
        perform(machine.reconfigured(ControlOptions(settings), at: now, using: &generator))
        perform(machine.localAddressesRead(readLoopGuard(), at: now, using: &generator))
        // The file may have another content under the same name.
        if files.authority != nil { perform(machine.authorityChanged(at: now, using: &generator)) }
        if hasOtherNameServers { perform(machine.nameServiceChanged(at: now, using: &generator)) }
    }

    /// The endpoint that a text means, written as in the settings or as in the log.
    private func known(_ text: String) throws(OrderError) -> EndpointKey {
        let keys = machine.endpoints.all.map(\.declaration.key)
        let written = (try? StaticEndpoint(parsing: text)).map { EndpointKey(host: $0.host, port: $0.port) }
        let name = written.map { "\($0)" } ?? text
        if let key = keys.first(where: { "\($0)" == name }) { return key }
        let others = keys.isEmpty ? "none is known" : "known are \(keys.map { "\($0)" }.joined(separator: ", "))"
        throw OrderError("\(printable(text)) is no endpoint: \(others)")
    }
}
