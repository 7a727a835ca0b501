import Foundation

/// The two descriptors of a pipe, none of which a program inherits that is started elsewhere.
struct PipeEnds {
    let reading: Int32
    let writing: Int32

    init() throws {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else {
            throw TestingError("cannot create a pipe: \(String(cString: strerror(errno)))")
        }
        for descriptor in ends {
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        }
        reading = ends[0]
        writing = ends[1]
    }
}
