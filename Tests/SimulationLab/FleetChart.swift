import Gateway
import GatewaySimulation

/// What happened to a fleet as a picture: load of each member, reconnects, probes, one above the other over the same time.
struct FleetChart {
    let record: FleetRecord

    private static let (width, left, right) = (860, 64, 16)
    private static let (top, panelHeight, panelGap) = (46, 130, 44)
    /// Told apart by every eye, on white and on black; the first is the member that vanishes.
    private static let colours = ["#d1495b", "#2e86ab", "#3a9a5b", "#9a6fb0", "#c98a1b"]
    private static let style = """
        <style>
        text { fill: #1f2328 } .quiet { fill: #57606a } .grid { stroke: #d0d7de; stroke-width: 1 } .bar { fill: #57606a }
        .page { fill: #ffffff }
        @media (prefers-color-scheme: dark) {
        text { fill: #e6edf3 } .quiet { fill: #9198a1 } .grid { stroke: #3d444d } .bar { fill: #9198a1 } .page { fill: #0d1117 }
        }
        </style>
        """

    private struct Line {
        let colour: String
        /// One value a second.
        let values: [Int]
    }

    private var scenario: FleetScenario { record.scenario }
    /// From ten seconds before the blow.
    private var seconds: Range<Int> {
        max(0, Int((scenario.blow - .zero) / .seconds(1)) - 10)..<(record.pieces - 1) / Self.perSecond
    }

    private static let perSecond = Int(Duration.seconds(1) / FleetRecord.piece)

    /// The whole file.
    var text: String {
        let members = 0..<FleetScenario.listed
        let load = members.map { member in line(member) { record.load[member][($0 + 1) * Self.perSecond - 1] } }
        let probes = members.map { member in line(member) { sum(record.probes[member], second: $0) } }
        let reconnects = (seconds.lowerBound * Self.perSecond..<seconds.upperBound * Self.perSecond).map { piece in
            members.reduce(0) { $0 + record.joined[$1][piece] }
        }
        let height = Self.top + 3 * (Self.panelHeight + Self.panelGap) + 24
        let parts = [
            panel(0, "Open sessions of each member", most: load.flatMap(\.values).max() ?? 0) { draw(load, $0) },
            panel(1, "Sessions that connect again, in each 100 ms", most: reconnects.max() ?? 0) {
                draw(reconnects, $0)
            },
            panel(2, "Probes of each member, a second", most: probes.flatMap(\.values).max() ?? 0) { draw(probes, $0) },
        ]
        return """
            <svg xmlns="http://www.w3.org/2000/svg" width="\(Self.width)" height="\(height)" viewBox="0 0 \(Self.width) \(height)" font-family="system-ui, sans-serif" font-size="12">
            <title>\(title)</title>
            \(Self.style)
            <rect class="page" width="100%" height="100%"/>
            <text x="\(Self.left)" y="20" font-size="14" font-weight="600">\(title)</text>
            \(legend)
            \(parts.joined(separator: "\n"))
            <text class="quiet" x="\(Self.left)" y="\(height - 8)" font-size="11">seconds; \(happenings)</text>
            </svg>

            """
    }

    private var title: String {
        "\(scenario.policy.rawValue): \(scenario.name) under \(scenario.gateways) gateways with \(scenario.gateways * scenario.kept) sessions"
    }

    private var happenings: String {
        let instants = scenario.happenings.map { "\(Int(($0.due - .zero) / .seconds(1)))" }
        return "the host of member 1 vanishes at \(instants[0])"
            + (instants.count > 1 ? " and is back at \(instants[1])" : "")
    }

    private var legend: String {
        Self.colours.enumerated().map { index, colour in
            let x = Self.left + index * 100
            return "<rect x=\"\(x)\" y=\"30\" width=\"14\" height=\"4\" fill=\"\(colour)\"/>"
                + "<text x=\"\(x + 20)\" y=\"36\" font-size=\"11\">member \(index + 1)</text>"
        }.joined(separator: "\n")
    }

    private func line(_ member: Int, _ value: (Int) -> Int) -> Line {
        Line(colour: Self.colours[member], values: seconds.map(value))
    }

    private func sum(_ counts: [Int], second: Int) -> Int {
        counts[second * Self.perSecond..<(second + 1) * Self.perSecond].reduce(0, +)
    }

    /// Where one panel stands, and what its axis reaches to.
    private struct Frame {
        let (bottom, most): (Int, Int)

        func y(_ value: Int) -> Double {
            Double(bottom) - Double(value) / Double(most) * Double(FleetChart.panelHeight)
        }

        func x(_ fraction: Double) -> Double {
            Double(FleetChart.left) + fraction * Double(FleetChart.width - FleetChart.left - FleetChart.right)
        }
    }

    private func panel(_ number: Int, _ title: String, most: Int, _ content: (Frame) -> String) -> String {
        let top = Self.top + number * (Self.panelHeight + Self.panelGap) + 28
        let frame = Frame(bottom: top + Self.panelHeight, most: Self.rounded(most))
        let grid = (0...4).map { step -> String in
            let value = frame.most * step / 4
            let y = frame.y(value)
            return
                "<line class=\"grid\" x1=\"\(Self.left)\" y1=\"\(y)\" x2=\"\(Self.width - Self.right)\" y2=\"\(y)\"/>"
                + "<text class=\"quiet\" x=\"\(Self.left - 6)\" y=\"\(y + 4)\" text-anchor=\"end\" font-size=\"11\">\(value)</text>"
        }
        let ticks = stride(from: seconds.lowerBound, through: seconds.upperBound, by: 10).map { second in
            let x = frame.x(Double(second - seconds.lowerBound) / Double(seconds.count))
            return
                "<text class=\"quiet\" x=\"\(x)\" y=\"\(frame.bottom + 14)\" text-anchor=\"middle\" font-size=\"11\">\(second)</text>"
        }
        let head = "<text x=\"\(Self.left)\" y=\"\(top - 8)\" font-weight=\"600\">\(title)</text>"
        return ([head] + grid + ticks + [content(frame)]).joined(separator: "\n")
    }

    /// The next number with which an axis of four steps reads well.
    private static func rounded(_ most: Int) -> Int {
        var unit = 4
        while unit * 10 <= most { unit *= 10 }
        return max(unit, (most + unit - 1) / unit * unit)
    }

    private func draw(_ lines: [Line], _ frame: Frame) -> String {
        lines.map { line in
            let points = line.values.enumerated().map { index, value in
                let x = frame.x((Double(index) + 0.5) / Double(line.values.count))
                return "\(oneDecimal(x)),\(oneDecimal(frame.y(value)))"
            }
            return
                "<polyline fill=\"none\" stroke=\"\(line.colour)\" stroke-width=\"1.5\" points=\"\(points.joined(separator: " "))\"/>"
        }.joined(separator: "\n")
    }

    private func draw(_ bars: [Int], _ frame: Frame) -> String {
        bars.enumerated().filter { $0.element > 0 }.map { index, value in
            let x = frame.x(Double(index) / Double(bars.count))
            let y = frame.y(value)
            return "<rect class=\"bar\" x=\"\(oneDecimal(x))\" y=\"\(oneDecimal(y))\" width=\"0.7\""
                + " height=\"\(oneDecimal(Double(frame.bottom) - y))\"/>"
        }.joined(separator: "\n")
    }
}
