import Testing

@testable import Gateway

@Suite struct MetricsTests {
    private let key = EndpointKey(host: .name("infra0.example.com"), port: 2379)

    private var snapshot: MetricsSnapshot {
        var traffic = EndpointTraffic()
        (traffic.sessions, traffic.bytesUp, traffic.bytesDown) = (3, 11, 22)
        traffic.dials = [.opened: 5, .timedOut: 1]
        var counts = [UInt64](repeating: 0, count: Histogram.dialBounds.count + 1)
        (counts[0], counts[3], counts[counts.count - 1]) = (1, 2, 4)
        traffic.dialTimes = Histogram(bounds: Histogram.dialBounds, counts: counts, sum: .milliseconds(2500))
        var failovers = Tally<FailoverReason>()
        failovers.count(.timedOut)
        var snapshot = MetricsSnapshot(
            status: StatusExample.status, startedAt: WallTime(milliseconds: 1_700_000_000_250), traffic: [key: traffic],
            sessionTimes: Histogram(bounds: Histogram.sessionBounds), ends: [("finished", 7)],
            acceptErrors: [("ECONNABORTED", 0), ("EMFILE", 3)], acceptPauses: [("EMFILE", 1)], failovers: failovers,
            counts: MetricsSnapshot.Counts(),
            loops: [MetricsSnapshot.Loop(sessions: 1, turns: 2, bytesSpliced: 3, bytesCopied: 4, pipes: 5, moved: 6)])
        snapshot.counts.probes.count(
            MetricsSnapshot.ProbeResult(endpoint: key, kind: .http, outcome: .http(.healthy)))
        snapshot.process.cpu = .milliseconds(1250)
        return snapshot
    }

    @Test func text_hasTheNamesOfTheDesign() {
        let text = snapshot.text
        for line in [
            "etcd_gateway_build_info{version=\"1.2.3\"} 1",
            "etcd_gateway_endpoint_up{endpoint=\"infra1:2379\"} 0",
            "etcd_gateway_endpoint_state{endpoint=\"infra0.example.com:2379\",state=\"good\"} 1",
            "etcd_gateway_endpoint_state{endpoint=\"infra0.example.com:2379\",state=\"down\"} 0",
            "etcd_gateway_endpoint_last_change_timestamp_seconds{endpoint=\"infra1:2379\"} 1699999987.778",
            "etcd_gateway_endpoint_rtt_seconds{endpoint=\"infra1:2379\"} 0.000321",
            "etcd_gateway_connections{endpoint=\"infra0.example.com:2379\"} 3",
            "etcd_gateway_connections_total{endpoint=\"infra0.example.com:2379\",result=\"timed_out\"} 1",
            "etcd_gateway_bytes_total{direction=\"down\",endpoint=\"infra0.example.com:2379\"} 22",
            "etcd_gateway_failovers_total{reason=\"timed_out\"} 1",
            "etcd_gateway_sessions_closed_total{reason=\"finished\"} 7",
            "etcd_gateway_probes_total{endpoint=\"infra0.example.com:2379\",kind=\"http\",result=\"healthy\"} 1",
            "etcd_gateway_accept_errors_total{errno=\"ECONNABORTED\"} 0",
            "etcd_gateway_accept_errors_total{errno=\"EMFILE\"} 3",
            "etcd_gateway_accept_pauses_total{error=\"EMFILE\"} 1", "etcd_gateway_held_clients 2",
            "etcd_gateway_dns_records{name=\"_etcd-client._tcp.example.com\",type=\"SRV\"} 2",
            "process_cpu_seconds_total 1.25", "process_start_time_seconds 1700000000.25",
        ] {
            #expect(text.contains("\n\(line)\n"), "\(line)")
        }
        #expect(text.hasSuffix("\n") && !text.contains("process_open_fds"))
    }

    @Test func histogram_isCumulative_andEndsWithAllOfThem() {
        let lines = snapshot.text.split(separator: "\n").filter { $0.contains("connect_duration_seconds") }
        let endpoint = "{endpoint=\"infra0.example.com:2379\""
        #expect(lines.contains("etcd_gateway_connect_duration_seconds_bucket\(endpoint),le=\"0.0001\"} 1"))
        #expect(lines.contains("etcd_gateway_connect_duration_seconds_bucket\(endpoint),le=\"0.001\"} 3"))
        #expect(lines.contains("etcd_gateway_connect_duration_seconds_bucket\(endpoint),le=\"1\"} 3"))
        #expect(lines.contains("etcd_gateway_connect_duration_seconds_bucket\(endpoint),le=\"+Inf\"} 7"))
        #expect(lines.contains("etcd_gateway_connect_duration_seconds_sum\(endpoint)} 2.5"))
        #expect(lines.contains("etcd_gateway_connect_duration_seconds_count\(endpoint)} 7"))
    }

    @Test func labels_areEscaped() {
        #expect(MetricsText.Labels(dictionaryLiteral: ("a", "x\"\\\n")).text == #"{a="x\"\\\n"}"#)
    }

    @Test func everyMetric_hasItsHelpAndTypeOnce_andNoSampleTwice() {
        let lines = snapshot.text.split(separator: "\n")
        let heads = lines.filter { $0.hasPrefix("# TYPE") }
        #expect(Set(heads).count == heads.count && lines.count { $0.hasPrefix("# HELP") } == heads.count)
        let samples = lines.filter { !$0.hasPrefix("#") }.map { $0.prefix { $0 != " " } }
        #expect(Set(samples).count == samples.count)
    }
}
