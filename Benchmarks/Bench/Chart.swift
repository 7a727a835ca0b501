import Foundation

/// The results as a picture: one panel a question, one bar a peer, medians.
struct Chart {
    let results: Results

    private struct Panel {
        let workload: String
        let metric: Metric
        let title: String
        let unit: String
        var scale = 1.0
        var decimals = 1
    }

    private static let panels = [
        Panel(
            workload: "rpc-1k", metric: .cpuMicrosecondsPerRequest, title: "CPU per request, 64 connections",
            unit: "µs, less is better"),
        Panel(
            workload: "rpc-1k", metric: .perSecond, title: "Requests per second, 64 connections",
            unit: "thousand, more is better", scale: 0.001),
        Panel(
            workload: "ping-pong", metric: .p50, title: "Round trip, one connection, median",
            unit: "µs, less is better",
            decimals: 0),
        Panel(
            workload: "churn", metric: .cpuMicrosecondsPerRequest, title: "CPU per connection opened and closed",
            unit: "µs, less is better", decimals: 0),
        Panel(
            workload: "bulk-8-both", metric: .gigabytesPerSecond, title: "Bulk, eight connections both ways",
            unit: "GB/s, more is better", decimals: 2),
        Panel(
            workload: "bulk-8-both", metric: .cpuSecondsPerGigabyte, title: "CPU per gigabyte, the same",
            unit: "seconds, less is better", decimals: 2),
    ]

    private static let (panelWidth, barHeight, gap, head, margin) = (400, 18, 6, 46, 20)
    private static let (labelWidth, barWidth) = (150, 180)

    /// The whole file.
    var text: String {
        let shown = Self.panels.filter { !bars($0).isEmpty }
        let rows = (shown.count + 1) / 2
        let most = shown.map { bars($0).count }.max() ?? 0
        let panelHeight = Self.head + most * (Self.barHeight + Self.gap) + 14
        let (width, height) = (2 * Self.panelWidth + 2 * Self.margin, rows * panelHeight + 2 * Self.margin + 18)
        let bodies = shown.enumerated().map { index, panel in
            draw(panel, x: Self.margin + index % 2 * Self.panelWidth, y: Self.margin + index / 2 * panelHeight)
        }
        return """
            <svg xmlns="http://www.w3.org/2000/svg" width="\(width)" height="\(height)" viewBox="0 0 \(width) \(height)" font-family="system-ui, sans-serif" font-size="12">
            <title>etcd-gateway and its peers, medians of \(results.rounds) rounds</title>
            <rect width="100%" height="100%" fill="#ffffff"/>
            \(bodies.joined(separator: "\n"))
            <text x="\(Self.margin)" y="\(height - 12)" fill="#57606a" font-size="11">\(escaped(foot))</text>
            </svg>

            """
    }

    private var foot: String {
        "Medians of \(results.rounds) rounds, \(results.date), \(results.machine.processors); docs/performance.md has everything."
    }

    private func bars(_ panel: Panel) -> [(peer: String, value: Double)] {
        let entries = results.workloads.first { $0.name == panel.workload }?.peers ?? []
        return entries.compactMap { entry in entry.values(panel.metric).median.map { (entry.peer, $0 * panel.scale) } }
    }

    private func draw(_ panel: Panel, x: Int, y: Int) -> String {
        let bars = bars(panel)
        let most = bars.map(\.value).max() ?? 1
        var lines = [
            "<text x=\"\(x)\" y=\"\(y + 14)\" fill=\"#1f2328\" font-weight=\"600\">\(escaped(panel.title))</text>",
            "<text x=\"\(x)\" y=\"\(y + 30)\" fill=\"#57606a\" font-size=\"11\">\(escaped(panel.unit))</text>",
        ]
        for (index, bar) in bars.enumerated() {
            let top = y + Self.head + index * (Self.barHeight + Self.gap)
            let length = max(1, Int(bar.value / most * Double(Self.barWidth)))
            let isOurs = bar.peer.hasPrefix("etcd-gateway")
            let isMeasure = [Peer.noProxy.name, Peer.bare.name].contains(bar.peer)
            let fill = isOurs ? "#1a7f5a" : isMeasure ? "#d0d7de" : "#8c959f"
            let text = top + Self.barHeight - 5
            let label = x + Self.labelWidth - 8
            lines += [
                "<text x=\"\(label)\" y=\"\(text)\" text-anchor=\"end\" fill=\"#1f2328\""
                    + "\(isOurs ? " font-weight=\"600\"" : "")>\(escaped(bar.peer))</text>",
                "<rect x=\"\(x + Self.labelWidth)\" y=\"\(top)\" width=\"\(length)\" height=\"\(Self.barHeight)\""
                    + " rx=\"2\" fill=\"\(fill)\"/>",
                "<text x=\"\(x + Self.labelWidth + length + 6)\" y=\"\(text)\" fill=\"#1f2328\">"
                    + String(format: "%.\(panel.decimals)f", bar.value) + "</text>",
            ]
        }
        return lines.joined(separator: "\n")
    }

    private func escaped(_ text: String) -> String {
        text.replacingOccurrences(of: "&", with: "&amp;").replacingOccurrences(of: "<", with: "&lt;")
    }
}
