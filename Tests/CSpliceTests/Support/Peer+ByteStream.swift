import Glibc

extension Peer {
    /// Sends these bytes of a stream, all of them. Each piece has the deadline of `sendAll`.
    func send(_ stream: ByteStream, from start: Int = 0, count: Int, rhythm: Rhythm = .steady) throws {
        var rhythm = rhythm
        var sent = 0
        while sent < count {
            sent += try stream.withBytes(at: start + sent, count: min(rhythm.nextPiece(), count - sent)) { piece in
                try sendAll(piece)
                return piece.count
            }
            rhythm.pause()
        }
    }

    /// Sends until the other side has taken nothing for a while, or limit bytes are sent. Returns how many.
    func sendUntilBlocked(
        _ stream: ByteStream, from start: Int = 0, limit: Int, quiet: Duration = .milliseconds(200)
    ) throws -> Int {
        var sent = 0
        while sent < limit {
            let count = try stream.withBytes(at: start + sent, count: min(65536, limit - sent)) { try sendNow($0) }
            sent += count
            if count > 0 { continue }
            do {
                try wait(for: Int16(POLLOUT), operation: "send", deadline: Deadline(in: quiet))
            } catch SocketFailure.timedOut {
                return sent
            }
        }
        return sent
    }

    /// Receives these bytes of a stream and compares them.
    func receive(_ stream: ByteStream, from start: Int = 0, count: Int, rhythm: Rhythm = .steady) throws {
        let received = try receive(stream, from: start, limit: count, rhythm: rhythm)
        guard received == count else { throw SocketFailure.endedEarly(after: received) }
    }

    /// Receives and compares up to the end of the stream. Returns how many bytes came.
    func receiveToEnd(_ stream: ByteStream, from start: Int = 0, rhythm: Rhythm = .steady) throws -> Int {
        try receive(stream, from: start, limit: .max, rhythm: rhythm)
    }

    private func receive(_ stream: ByteStream, from start: Int, limit: Int, rhythm: Rhythm) throws -> Int {
        var rhythm = rhythm
        var received = 0
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Rhythm.largestPiece, alignment: 16)
        defer { buffer.deallocate() }
        while received < limit {
            let room = min(rhythm.nextPiece(), limit - received)
            let got = try receive(into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<room]))
            if got == 0 { break }
            guard stream.matches(UnsafeRawBufferPointer(rebasing: buffer[..<got]), at: start + received) else {
                throw SocketFailure.wrongBytes(near: start + received)
            }
            received += got
            rhythm.pause()
        }
        return received
    }
}
