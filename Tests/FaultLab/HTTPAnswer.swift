import Foundation

/// An HTTP/1.1 answer of etcd, as far as it has come.
struct HTTPAnswer {
    let status: Int
    let body: String
    /// Whether all of it is here; the answer to a watch never is.
    let isComplete: Bool
    /// How many bytes it took.
    let length: Int

    /// Reads what is at the beginning of `bytes`; nil while the head is not complete or is none.
    init?(_ bytes: [UInt8]) {
        guard let headEnd = Self.end(of: Array("\r\n\r\n".utf8), in: bytes, from: 0) else { return nil }
        let head = String(decoding: bytes[..<headEnd], as: UTF8.self).lowercased()
        let lines = head.components(separatedBy: "\r\n")
        let words = lines[0].split(separator: " ")
        guard words.count >= 2, let status = Int(words[1]) else { return nil }
        self.status = status

        let payload: (bytes: [UInt8], isComplete: Bool, end: Int)
        if lines.contains(where: { $0.hasPrefix("transfer-encoding:") && $0.hasSuffix("chunked") }) {
            payload = Self.chunks(in: bytes, from: headEnd)
        } else {
            let length = lines.first { $0.hasPrefix("content-length:") }.flatMap {
                Int($0.dropFirst("content-length:".count).trimmingCharacters(in: .whitespaces))
            }
            let end = min(bytes.count, headEnd + (length ?? 0))
            payload = (Array(bytes[headEnd..<end]), bytes.count >= headEnd + (length ?? 0), end)
        }
        body = String(decoding: payload.bytes, as: UTF8.self)
        isComplete = payload.isComplete
        length = payload.end
    }

    /// Which member has answered, by the number that etcd puts into every answer.
    var member: UInt64? {
        guard let key = body.range(of: #""member_id":""#) else { return nil }
        return UInt64(body[key.upperBound...].prefix { $0.isNumber })
    }

    private static func chunks(in bytes: [UInt8], from start: Int) -> (bytes: [UInt8], isComplete: Bool, end: Int) {
        var payload: [UInt8] = []
        var position = start
        while let lineEnd = end(of: [13, 10], in: bytes, from: position) {
            let line = String(decoding: bytes[position..<lineEnd - 2], as: UTF8.self)
            guard let size = Int(line, radix: 16), lineEnd + size + 2 <= bytes.count else { break }
            payload += bytes[lineEnd..<lineEnd + size]
            position = lineEnd + size + 2
            if size == 0 { return (payload, true, position) }
        }
        return (payload, false, position)
    }

    /// The index after the first `pattern` at or after `start`.
    private static func end(of pattern: [UInt8], in bytes: [UInt8], from start: Int) -> Int? {
        guard start + pattern.count <= bytes.count else { return nil }
        return (start...bytes.count - pattern.count)
            .first { bytes[$0..<$0 + pattern.count].elementsEqual(pattern) }
            .map { $0 + pattern.count }
    }
}
