import GatewayTesting
import Testing

@testable import Gateway

@Suite struct JSONTests {
    @Test func values_areWrittenOnOneLine_inTheirOrder() {
        let value = JSON.members([
            "b": .array([.integer(1), .null, .bool(true), .bool(false)]), "a": .string("x"), "c": .members([:]),
        ])
        #expect("\(value)" == #"{"b":[1,null,true,false],"a":"x","c":{}}"#)
    }

    @Test(arguments: [
        ("\"", #""\"""#), ("\\", #""\\""#), ("\n", #""\n""#), ("\u{1}", #""\u0001""#), ("ä€𝄞", "\"ä€𝄞\""),
        ("\u{7F}", #""\u007f""#), ("\u{9B}", #""\u009b""#),
    ])
    func text_isEscaped_andReadBack(text: String, written: String) {
        #expect("\(JSON.string(text))" == written)
        #expect(JSON(parsing: written) == .string(text))
    }

    @Test(arguments: [
        (#""\u00e4""#, "ä"), (#""\ud834\udd1e""#, "𝄞"), (#""\/\b\f\r\t""#, "/\u{8}\u{C}\r\t"),
    ])
    func escapesOfOthers_areRead(written: String, text: String) {
        #expect(JSON(parsing: written) == .string(text))
    }

    @Test(arguments: ["0", "-0", "10", "-12.50", "1e9", "1.5E-3", "123456789012345678901234567890"])
    func numbers_stayAsTheyAreWritten(text: String) {
        #expect(JSON(parsing: " \(text)\n") == .number(text))
    }

    @Test(arguments: [
        "", " ", "tru", "nul", "01", "-", "1.", ".5", "1e", "+1", "\"", "\"\u{1}\"", #""\x""#, #""\u12""#,
        #""\ud834""#, #""\ud834\u0041""#, #""\udd1e""#, "[1,]", "[1", "[", "{", "{\"a\"}", "{\"a\":}", "{a:1}",
        "{\"a\":1,}", "1 2", "]", "{\"a\":1]", "'a'", "NaN",
    ])
    func whatIsNoJSON_isRefused(text: String) {
        #expect(JSON(parsing: text) == nil)
    }

    @Test func nesting_isBounded() {
        let nested = { (depth: Int) in String(repeating: "[", count: depth) + String(repeating: "]", count: depth) }
        #expect(JSON(parsing: nested(32)) != nil)
        #expect(JSON(parsing: nested(33)) == nil)
        #expect(JSON(parsing: nested(100_000)) == nil)
    }

    @Test func randomValues_comeBack_andCutOnesDoNot() {
        var generator = SeededGenerator(seed: 1)
        for _ in 0..<2000 {
            let value = JSON.members(["x": Self.random(depth: 4, using: &generator)])
            let text = "\(value)"
            #expect(JSON(parsing: text) == value, "\(text)")
            let scalars = text.unicodeScalars
            let cut = String(scalars.prefix(Int.random(in: 0..<scalars.count, using: &generator)))
            #expect(JSON(parsing: cut) == nil, "\(cut)")
        }
    }

    private static func random(depth: Int, using generator: inout SeededGenerator) -> JSON {
        switch Int.random(in: depth > 0 ? 0..<6 : 0..<4, using: &generator) {
        case 0: .null
        case 1: .bool(.random(using: &generator))
        case 2: .integer(Int64.random(in: .min ... .max, using: &generator))
        case 3: .string(["", "a\"b", "ü\n\\", "\u{1F}", "x"].randomElement(using: &generator) ?? "")
        case 4: .array((0..<3).map { _ in random(depth: depth - 1, using: &generator) })
        default: .members(["k": random(depth: depth - 1, using: &generator), "ß": .null])
        }
    }

    @Test(arguments: [
        (Duration.zero, "0"), (.seconds(12), "12"), (.microseconds(12_000_345), "12.000345"),
        (.milliseconds(500), "0.5"), (.nanoseconds(999), "0"), (.milliseconds(-1500), "-1.5"),
        (.nanoseconds(-999), "0"),
    ])
    func seconds_areExactToTheMicrosecond(duration: Duration, text: String) {
        #expect(duration.decimalSeconds == text)
    }

    @Test func seconds_areReadBack() {
        for microseconds in [0, 1, 999_999, 1_000_000, 12_345_678, 86_400_000_001, -1, -1_500_000] as [Int64] {
            #expect(JSON.seconds(.microseconds(microseconds)).duration == .microseconds(microseconds))
        }
        for text in ["1e3", "1.", "x", "99999999999999999999", "9223372036.1x"] {
            #expect(JSON.number(text).duration == nil, "\(text)")
        }
    }

    @Test func otherKindsOfValues_areNil() {
        let value = JSON.members(["a": .integer(300)])
        #expect(value["a"]?.integer() == 300 && value["a"]?.integer(UInt8.self) == nil)
        #expect(value["b"] == nil && value["a"]?.text == nil && value["a"]?.items == nil && value["a"]?.boolean == nil)
        #expect(JSON.string("x")["a"] == nil && JSON.string("1").integer(Int.self) == nil)
    }
}
