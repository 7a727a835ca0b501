import Glibc

/// The header of a table, as another version of the program could write it (Sources/CSplice/table.c).
struct TableForm {
    var magic: UInt64 = 0x6574_6364_6777_7462
    var major: UInt32 = 1
    var minor: UInt32 = 1
    var headerBytes: UInt32 = 4096
    var entryBytes: UInt32 = 64
    var entries: UInt32 = 512
    var shelves: UInt32 = 1024
    var shelfBytes: UInt32 = 65_536
    var bufferBytes: UInt32 = 69_632
    var buffers: UInt32 = 64
    var noteBytes: UInt32 = 69_632

    private var words: [UInt32] {
        [
            UInt32(truncatingIfNeeded: magic), UInt32(truncatingIfNeeded: magic >> 32), major, minor, headerBytes,
            entryBytes, entries, shelves, shelfBytes, bufferBytes, buffers, noteBytes,
        ]
    }

    private var size: Int {
        let notes = 2 * Int(noteBytes)
        return Int(headerBytes) + notes + Int(buffers) * Int(bufferBytes) + Int(shelves) * Int(shelfBytes)
    }

    /// A sealed memfd of this form, with a header that is whole.
    func make() throws -> Int32 {
        let (mayBeSealed, addSeals, seals) = (UInt32(3), Int32(1033), Int32(0x7))  // linux/memfd.h, linux/fcntl.h
        // Swift's Glibc does not show it.
        typealias Create = @convention(c) (UnsafePointer<CChar>, UInt32) -> Int32
        guard let symbol = dlsym(nil, "memfd_create") else {
            throw SocketFailure.system(operation: "memfd_create", errno: ENOSYS)
        }
        let file = try check("memfd_create", unsafeBitCast(symbol, to: Create.self)("table", mayBeSealed))
        try check("ftruncate", ftruncate(file, size))
        var bytes = words.flatMap { word in withUnsafeBytes(of: word.littleEndian) { Array($0) } }
        let sum = bytes.reduce(2_166_136_261 as UInt32) { ($0 ^ UInt32($1)) &* 16_777_619 }
        bytes += withUnsafeBytes(of: sum.littleEndian) { Array($0) }
        guard pwrite(file, bytes, bytes.count, 0) == bytes.count else {
            throw SocketFailure.system(operation: "pwrite", errno: errno)
        }
        try check("seal", fcntl(file, addSeals, seals))
        return file
    }
}
