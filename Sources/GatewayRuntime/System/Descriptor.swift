internal import Glibc

/// A descriptor that belongs to exactly one owner, and is closed with it.
struct Descriptor: ~Copyable {
    let number: Int32

    /// Takes over an open descriptor.
    init(owning number: Int32) {
        self.number = number
    }

    deinit {
        // close(2) releases the descriptor even when it reports an error (Linux): there is nothing to do about one.
        _ = close(number)
    }
}
