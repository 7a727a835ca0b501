internal import Glibc

/// Descriptors 0, 1 and 2.
enum StandardStreams {
    /// Opens /dev/null for those that are closed: else the next socket would get such a number, and our log lines.
    static func fillGaps() {
        while true {
            let number = unsafe open("/dev/null", O_RDWR)  // unsafe: a constant path
            guard (0...STDERR_FILENO).contains(number) else {
                if number != -1 { close(number) }
                return
            }
        }
    }
}
