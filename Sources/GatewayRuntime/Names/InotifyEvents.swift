internal import CLinux
internal import Glibc

/// The events in what read(2) brings from an inotify descriptor.
struct InotifyEvents: Sequence, IteratorProtocol {
    struct Event {
        /// The number of the watch.
        let watch: Int32
        /// Events were lost: anything may have happened.
        let isOverflow: Bool
        /// The name in the folder; `nil` where it is about the folder itself.
        let name: String?
    }

    /// wd, mask, cookie and len, 32 bits each, come before the name (inotify(7)).
    private static let headerBytes = 16

    private var rest: ArraySlice<UInt8>

    init(bytes: ArraySlice<UInt8>) {
        rest = bytes
    }

    mutating func next() -> Event? {
        guard rest.count >= Self.headerBytes else { return nil }
        let nameBytes = Int(number(at: 12))
        let bytes = Self.headerBytes + nameBytes
        guard rest.count >= bytes else { return nil }
        let name = rest.dropFirst(Self.headerBytes).prefix(nameBytes).prefix { $0 != 0 }
        defer { rest = rest.dropFirst(bytes) }
        return Event(
            watch: Int32(bitPattern: number(at: 0)), isOverflow: number(at: 4) & UInt32(IN_Q_OVERFLOW) != 0,
            name: name.isEmpty ? nil : String(decoding: name, as: UTF8.self))
    }

    // unsafe: next() has seen that a whole header is there, and the last of its numbers ends with it.
    private func number(at offset: Int) -> UInt32 {
        unsafe rest.withUnsafeBytes { unsafe $0.loadUnaligned(fromByteOffset: offset, as: UInt32.self) }
    }
}
