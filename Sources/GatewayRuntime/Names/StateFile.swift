internal import CLinux
internal import Gateway
internal import Glibc

/// The file in which the last good endpoints survive a restart: replaced as a whole or not at all.
struct StateFile: Sendable {
    private let path: String

    /// The file in this directory, which must exist.
    init(directory: String) {
        path = directory + "/endpoints"
    }

    /// What was remembered; `nil` where there is nothing yet. A file that is of no use throws why.
    func read(source: String) throws(LastGoodSetError) -> LastGoodSet? {
        guard let text = SystemFile.read(path) else { return nil }
        return try LastGoodSet(parsing: text, source: source, now: clinux_utc_seconds())
    }

    // unsafe: C reads paths, and as many bytes as it is told are there, while the call lasts; all of it is ours.
    /// Writes beside the file, to the disk, and renames: a crash or a full disk leaves the old set.
    func write(_ set: LastGoodSet) throws(SystemError) {
        let temporary = path + ".new"
        let text = set.text(savedAt: clinux_utc_seconds())
        do throws(SystemError) {
            let number = try checkErrno(
                "create \(temporary)",
                unsafe open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600))
            let file = Descriptor(owning: number)
            try Self.writeAll(text, to: file.number, temporary)
            try checkErrno("sync \(temporary)", fsync(file.number))
            try checkErrno("rename \(temporary)", unsafe rename(temporary, path))
        } catch {
            _ = unsafe unlink(temporary)  // perhaps never made; else it is in nobody's way but the next one's
            throw error
        }
    }

    private static func writeAll(_ text: String, to number: Int32, _ path: String) throws(SystemError) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = unsafe bytes.withUnsafeBytes { unsafe Glibc.write(number, $0.baseAddress, $0.count) }
            if count == -1 && errno == EINTR { continue }
            guard count > 0 else { throw SystemError(count == 0 ? EIO : errno, "write \(path)") }
            bytes = bytes.dropFirst(count)
        }
    }
}
