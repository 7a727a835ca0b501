/// Text in columns that are as wide as their widest cell.
struct Table {
    /// One cell: the colour does not count for the width. Whatever the text is, a terminal survives it.
    struct Cell: ExpressibleByStringLiteral {
        var text: String
        var colour: Colour?

        init(_ text: String, _ colour: Colour? = nil) {
            self.text = printable(text, atMost: 512)
            self.colour = colour
        }

        init(stringLiteral text: String) { self.init(text) }
    }

    /// Columns of figures stand to the right.
    private let isRight: [Bool]
    private var rows: [[Cell]]

    /// A table with these headings; a heading that begins with a space is that of a column of figures.
    init(_ headings: [String]) {
        isRight = headings.map { $0.hasPrefix(" ") }
        rows = [headings.map { Cell($0.hasPrefix(" ") ? String($0.dropFirst()) : $0, .faint) }]
    }

    mutating func add(_ cells: [Cell]) { rows.append(cells) }

    /// The lines, with two spaces between columns and none at the end.
    func lines(_ paint: Paint) -> [String] {
        let widths = isRight.indices.map { column in rows.map { $0[column].text.count }.max() ?? 0 }
        return rows.map { row in
            var line = ""
            var gap = 0
            for (column, cell) in row.enumerated() {
                let blanks = widths[column] - cell.text.count
                let before = gap + (isRight[column] ? blanks : 0)
                gap = (isRight[column] ? 0 : blanks) + 2
                guard !cell.text.isEmpty else {
                    gap += before
                    continue
                }
                line += String(repeating: " ", count: before) + paint(cell.text, cell.colour)
            }
            return line
        }
    }
}
