extension MetricsSnapshot {
    private typealias Sample = MetricsText.Sample
    private typealias Series = MetricsText.Series

    /// The metrics in Prometheus' text format. docs/operations.md explains each.
    public var text: String {
        var text = MetricsText()
        addGateway(to: &text)
        addEndpoints(to: &text)
        addTraffic(to: &text)
        addSessions(to: &text)
        addDiscovery(to: &text)
        addLoops(to: &text)
        addProcess(to: &text)
        return text.text
    }

    private func addGateway(to text: inout MetricsText) {
        let program = status.program
        text.add(
            "etcd_gateway_build_info", .gauge, "Which release runs; always 1.",
            [Sample(["version": program.version], "1")])
        text.add(
            "etcd_gateway_info", .gauge, "How new sessions are spread; always 1.",
            [Sample(["policy": program.policy], "1")])
        text.add(
            "etcd_gateway_ready", .gauge, "1 if at least one endpoint is believed good, else 0.",
            status.isReady ? 1 : 0)
        text.add(
            "etcd_gateway_held_clients", .gauge, "Clients that wait because no endpoint answers.",
            status.traffic.heldClients)
        text.add(
            "etcd_gateway_reloads_total", .counter, "Times that settings were read again.",
            [true, false].map { Sample(["result": $0 ? "ok" : "refused"], "\(counts.reloads[$0])") })
        text.add(
            "etcd_gateway_sessions_adopted_total", .counter, "Sessions of an earlier process: carried on, or lost.",
            [Sample(["result": "carried_on"], "\(counts.adopted)"), Sample(["result": "lost"], "\(counts.lost)")])
        text.add(
            "etcd_gateway_sessions_stored", .gauge, "Sessions that would outlive a crash of this process.",
            counts.stored)
    }

    private func addEndpoints(to text: inout MetricsText) {
        let endpoints = status.endpoints
        text.add(
            "etcd_gateway_endpoint_up", .gauge, "1 if an endpoint is believed good, else 0.",
            endpoints.map { Sample(["endpoint": $0.name], $0.state.isGood ? "1" : "0") })
        text.add(
            "etcd_gateway_endpoint_state", .gauge, "1 for the state that an endpoint is in.",
            endpoints.flatMap { endpoint in
                EndpointStatus.State.allCases.map { state in
                    Sample(["endpoint": endpoint.name, "state": state.rawValue], endpoint.state == state ? "1" : "0")
                }
            })
        text.add(
            "etcd_gateway_endpoint_serving", .gauge, "1 if new sessions go to an endpoint, else 0.",
            endpoints.map { Sample(["endpoint": $0.name], $0.role == .serving ? "1" : "0") })
        text.add(
            "etcd_gateway_endpoint_last_change_timestamp_seconds", .gauge, "When an endpoint's state last changed.",
            endpoints.compactMap { endpoint in
                endpoint.age.map { Sample(["endpoint": endpoint.name], (status.time - $0).decimalSeconds) }
            })
        text.add(
            "etcd_gateway_endpoint_rtt_seconds", .gauge, "How long the last dial of an endpoint took.",
            endpoints.compactMap { endpoint in
                endpoint.dialTime.map { Sample(["endpoint": endpoint.name], $0.decimalSeconds) }
            })
        text.add(
            "etcd_gateway_failovers_total", .counter, "Times that an endpoint failed and others took its place.",
            FailoverReason.allCases.map { Sample(["reason": $0.rawValue], "\(failovers[$0])") })
        text.add(
            "etcd_gateway_probes_total", .counter, "Probes of an endpoint.",
            counts.probes.things.sorted { $0.sortKey < $1.sortKey }.map { probe in
                Sample(
                    ["endpoint": "\(probe.endpoint)", "kind": probe.kind.rawValue, "result": probe.result],
                    "\(counts.probes[probe])"
                )
            })
    }

    private var trafficByName: [(name: String, traffic: EndpointTraffic)] {
        traffic.map { ("\($0.key)", $0.value) }.sorted { $0.name < $1.name }
    }

    private func addTraffic(to text: inout MetricsText) {
        let traffic = trafficByName
        text.add(
            "etcd_gateway_connections", .gauge, "Sessions that are joined to an endpoint now.",
            traffic.map { Sample(["endpoint": $0.name], "\($0.traffic.sessions)") })
        text.add(
            "etcd_gateway_connections_total", .counter, "Dials of an endpoint for clients, by how they ended.",
            traffic.flatMap { name, traffic in
                DialResult.allCases.map {
                    Sample(["endpoint": name, "result": $0.rawValue], "\(traffic.dials[$0] ?? 0)")
                }
            })
        text.add(
            "etcd_gateway_bytes_total", .counter, "Bytes delivered to an endpoint (up) and from it to clients (down).",
            traffic.flatMap { name, traffic in
                [
                    Sample(["direction": "up", "endpoint": name], "\(traffic.bytesUp)"),
                    Sample(["direction": "down", "endpoint": name], "\(traffic.bytesDown)"),
                ]
            })
        text.add(
            "etcd_gateway_connect_duration_seconds", "How long dials of an endpoint took that worked.",
            traffic.map { Series(["endpoint": $0.name], $0.traffic.dialTimes) })
    }

    private func addSessions(to text: inout MetricsText) {
        text.add(
            "etcd_gateway_sessions", .gauge, "Sessions now, those still dialing included.", status.traffic.sessions)
        text.add(
            "etcd_gateway_sessions_accepted_total", .counter, "Connections accepted from clients.",
            status.traffic.accepted)
        text.add(
            "etcd_gateway_sessions_opened_total", .counter, "Sessions that were joined to an endpoint.",
            status.traffic.opened)
        text.add(
            "etcd_gateway_sessions_closed_total", .counter, "Sessions that ended, by reason.",
            ends.map { Sample(["reason": $0.reason], "\($0.count)") })
        text.add(
            "etcd_gateway_connection_duration_seconds", "How long sessions lasted, from accept to their end.",
            [Series([:], sessionTimes)])
        text.add(
            "etcd_gateway_accept_errors_total", .counter, "Times that accept(2) failed, by the error.",
            acceptErrors.map { Sample(["errno": $0.error], "\($0.count)") })
        text.add(
            "etcd_gateway_accept_pauses_total", .counter,
            "Times that accepting paused, by the error; limit: our own limit of sessions or descriptors.",
            acceptPauses.map { Sample(["error": $0.error], "\($0.count)") })
    }

    private func addDiscovery(to text: inout MetricsText) {
        text.add(
            "etcd_gateway_dns_refreshes_total", .counter, "Questions to the name service, by what came of them.",
            RefreshResult.allCases.map { Sample(["result": $0.rawValue], "\(counts.refreshes[$0])") })
        if let last = counts.lastRecords {
            text.add(
                "etcd_gateway_dns_last_success_timestamp_seconds", .gauge, "When DNS last gave records.",
                [Sample([:], last.decimalSeconds)])
        }
        text.add(
            "etcd_gateway_dns_records", .gauge, "Records in the last good answer to each question.",
            (status.discovery?.names ?? []).map { Sample(["name": $0.name, "type": $0.type], "\($0.records)") })
    }

    private func addLoops(to text: inout MetricsText) {
        let add = {
            (text: inout MetricsText, name: String, kind: MetricsText.Kind, help: String, value: (Loop) -> UInt64) in
            text.add(
                "etcd_gateway_loop_\(name)", kind, help,
                loops.enumerated().map { Sample(["loop": "\($0.offset)"], "\(value($0.element))") })
        }
        add(&text, "sessions", .gauge, "Sessions of a loop now.") { $0.sessions }
        add(&text, "turns_total", .counter, "Times that a loop woke up.") { $0.turns }
        add(&text, "bytes_spliced_total", .counter, "Bytes that a loop moved inside the kernel.") { $0.bytesSpliced }
        add(&text, "bytes_copied_total", .counter, "Bytes that a loop copied through its memory.") { $0.bytesCopied }
        add(&text, "pipes", .gauge, "Pipes that a loop has.") { $0.pipes }
        add(&text, "sessions_moved_total", .counter, "Sessions that a loop gave to one with less to do.") { $0.moved }
    }

    private func addProcess(to text: inout MetricsText) {
        let gauge = { (text: inout MetricsText, name: String, help: String, value: UInt64?) in
            if let value { text.add("process_\(name)", .gauge, help, value) }
        }
        if let cpu = process.cpu {
            text.add(
                "process_cpu_seconds_total", .counter, "User and system CPU time.", [Sample([:], cpu.decimalSeconds)])
        }
        gauge(&text, "resident_memory_bytes", "Memory that is present.", process.residentBytes)
        gauge(&text, "virtual_memory_bytes", "Address space.", process.virtualBytes)
        gauge(&text, "open_fds", "Descriptors in use.", process.descriptors)
        gauge(&text, "max_fds", "Descriptors that may be in use.", process.descriptorsMax)
        gauge(&text, "threads", "Threads.", process.threads)
        text.add(
            "process_start_time_seconds", .gauge, "When the process started, in seconds since 1970.",
            [Sample([:], startedAt.decimalSeconds)])
    }
}

extension WallTime {
    /// Seconds since 1970, exact to the millisecond.
    fileprivate var decimalSeconds: String { Duration.milliseconds(milliseconds).decimalSeconds }
}

extension MetricsSnapshot.ProbeResult {
    fileprivate var sortKey: (String, String, String) { ("\(endpoint)", kind.rawValue, result) }
}
