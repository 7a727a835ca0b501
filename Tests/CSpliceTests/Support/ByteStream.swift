import GatewayTesting
import Glibc

/// An endless stream of bytes that a seed determines, so that a reader can compare what it got with what was sent.
///
/// It repeats after a prime number of bytes: no buffer, page or pipe is a multiple of it, so a piece that was lost,
/// doubled or swapped cannot match by chance.
final class ByteStream: Sendable {
    private static let period = 1_048_583

    private let block: [UInt8]

    init(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        block = Array(unsafeUninitializedCapacity: ByteStream.period + 8) { buffer, count in
            let bytes = UnsafeMutableRawBufferPointer(buffer)
            var offset = 0
            while offset < ByteStream.period {
                bytes.storeBytes(of: generator.next(), toByteOffset: offset, as: UInt64.self)
                offset += 8
            }
            count = ByteStream.period
        }
    }

    /// Lends the bytes from offset on; at most count, and fewer where the block ends.
    func withBytes<Result>(
        at offset: Int, count: Int, _ body: (UnsafeRawBufferPointer) throws -> Result
    ) rethrows -> Result {
        let start = offset % ByteStream.period
        return try block.withUnsafeBytes { bytes in
            try body(UnsafeRawBufferPointer(rebasing: bytes[start..<min(start + count, ByteStream.period)]))
        }
    }

    /// Whether these are the bytes from offset on.
    func matches(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> Bool {
        var checked = 0
        while checked < bytes.count {
            let count = withBytes(at: offset + checked, count: bytes.count - checked) { expected in
                areEqual(bytes[checked..<(checked + expected.count)], expected) ? expected.count : 0
            }
            if count == 0 { return false }
            checked += count
        }
        return true
    }
}

private func areEqual(_ slice: Slice<UnsafeRawBufferPointer>, _ expected: UnsafeRawBufferPointer) -> Bool {
    guard let one = UnsafeRawBufferPointer(rebasing: slice).baseAddress, let other = expected.baseAddress else {
        preconditionFailure("a buffer with bytes has an address")
    }
    return memcmp(one, other, expected.count) == 0
}
