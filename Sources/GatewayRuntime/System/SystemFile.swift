internal import Glibc

/// Small text files of the system.
enum SystemFile {
    /// As much as a parser of ours looks at.
    private static let longest = 1 << 20

    // unsafe: the kernel reads the path, and fills the chunk within its count, while the call lasts; both are ours.
    /// A text file's content, cut at 1 MiB; `nil` where it cannot be read. Bytes that are no UTF-8 are replaced.
    static func read(_ path: String) -> String? {
        let number = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard number != -1 else { return nil }
        let descriptor = Descriptor(owning: number)
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16_384)
        while bytes.count < longest {
            let count = unsafe Glibc.read(descriptor.number, &chunk, chunk.count)
            if count == -1 && errno == EINTR { continue }
            guard count >= 0 else { return nil }
            guard count > 0 else { break }
            bytes += chunk[..<count]
        }
        return String(decoding: bytes.prefix(longest), as: UTF8.self)
    }
}
