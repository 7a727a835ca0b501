import CSplice
import Glibc
import Testing

extension DataPlaneTests {
    /// splice(2) stops at an urgent byte for ever, so one such byte must not become a stall.
    @Suite struct UrgentDataTests {
        @Test(arguments: Side.allCases, [PlaneUnderTest.Entrance.ipv4, .unix])
        func urgentByteInASmallFlow_arrives_andNothingStalls(side: Side, entrance: PlaneUnderTest.Entrance) throws {
            try withPlane(entrance: entrance) { plane in
                let session = try plane.open()
                let (sender, receiver) = side.split(session)
                if receiver === session.upstream || entrance != .unix { try inlineUrgentData(receiver) }
                try sender.send("before")
                #expect(try receiver.receive(count: 6) == "before")
                try sender.sendUrgent(UInt8(ascii: "!"))
                try sender.send("after")
                #expect(try receiver.receive(count: 6) == "!after")
                try receiver.send("reply")
                #expect(try sender.receive(count: 5) == "reply")
            }
        }

        @Test(arguments: Side.allCases, [UInt32(0), 8192])
        func urgentBytesInABulkFlow_arriveInTheirPlaces(side: Side, pipePages: UInt32) throws {
            try withPlane(configure: { $0.pipe_pages = pipePages }) { plane in
                let session = try plane.open()
                let (sender, receiver) = side.split(session)
                try inlineUrgentData(receiver)
                let stream = ByteStream(seed: 15)
                let piece = 3_000_000
                let rounds = 8
                let worker = Worker {
                    for round in 0..<rounds {
                        try sender.send(stream, from: round * piece, count: piece)
                        try sendUrgentByteWhenPossible(over: sender)
                    }
                }
                try receiveAround(stream, piece: piece, rounds: rounds, over: receiver)
                try worker.value()
            }
        }

        /// The mark lies before bytes that come only later, while the relay is already splicing.
        @Test(arguments: Side.allCases)
        func urgentByteAtTheEndOfABulkFlow_isNotKeptBack(side: Side) throws {
            try withPlane { plane in
                let session = try plane.open()
                let (sender, receiver) = side.split(session)
                try inlineUrgentData(receiver)
                let stream = ByteStream(seed: 16)
                let worker = Worker {
                    try sender.send(stream, count: 20_000_000)
                    try sender.sendUrgent(UInt8(ascii: "!"))
                }
                try receiver.receive(stream, count: 20_000_000)
                #expect(try receiver.receive(count: 1) == "!")
                try worker.value()
                #expect(plane.total(\.bytes_spliced) > 0)
            }
        }

        /// A splice that comes upon the mark says the same as one at the end of the stream.
        @Test(arguments: Side.allCases, 0..<10)
        func urgentByteAndTheEnd_behindABulkFlow_bothArrive(side: Side, round: Int) throws {
            try withPlane { plane in
                let session = try plane.open()
                let (sender, receiver) = side.split(session)
                try inlineUrgentData(receiver)
                let stream = ByteStream(seed: 17 + UInt64(round))
                let worker = Worker {
                    try sender.send(stream, count: 3_000_000)
                    try sender.sendUrgent(UInt8(ascii: "!"))
                    try sender.send("end")
                    try sender.shutdownWrite()
                }
                try receiver.receive(stream, count: 3_000_000)
                #expect(try receiver.receiveToEnd() == "!end")
                try worker.value()
            }
        }

        @Test func urgentByteBeforeTheJoin_arrives() throws {
            try withPlane(handler: { _, _ in }) { plane in
                let client = try Peer(connectedTo: plane.entrance)
                try client.send("ab")
                try client.sendUrgent(UInt8(ascii: "!"))
                try client.send("cd")
                let session = try plane.log.first(.CSP_EVENT_ACCEPTED).event.session
                let address = plane.server.address
                #expect(plane.loops[0].perform { $0.dial(session, address) } == 0)
                let upstream = try plane.server.accept()
                try inlineUrgentData(upstream)
                try client.shutdownWrite()
                #expect(try upstream.receiveToEnd() == "ab!cd")
            }
        }

        /// A read from a unix socket stops behind passed descriptors as it does at an urgent byte.
        @Test func unixClientThatPassesADescriptor_doesNotStall() throws {
            try withPlane(entrance: .unix) { plane in
                let session = try plane.open()
                for round in 0..<50 {
                    try session.client.send("a\(round % 10)")
                    try session.client.sendPassingADescriptor("b")
                    try session.client.send("c")
                    #expect(try session.upstream.receive(count: 4) == "a\(round % 10)bc")
                }
            }
        }

        /// The receiver takes urgent bytes out of the stream, as a program does that never heard of them.
        @Test(arguments: Side.allCases)
        func receiverThatIgnoresUrgentData_getsAllTheRest(side: Side) throws {
            try withPlane { plane in
                let session = try plane.open()
                let (sender, receiver) = side.split(session)
                try sender.send("abc")
                try sender.sendUrgent(UInt8(ascii: "!"))
                try sender.send("def")
                try sender.shutdownWrite()
                let received = try receiver.receiveToEnd()
                #expect(received == "abcdef" || received == "abc!def")
            }
        }
    }
}

private func inlineUrgentData(_ peer: Peer) throws {
    try peer.set(SOL_SOCKET, SO_OOBINLINE, to: 1)
}

private func sendUrgentByteWhenPossible(over peer: Peer) throws {
    let deadline = Deadline()
    while true {
        do {
            return try peer.sendUrgent(UInt8(ascii: "!"))
        } catch SocketFailure.timedOut {
            try peer.wait(for: Int16(POLLOUT), operation: "send urgent", deadline: deadline)
        }
    }
}

/// Receives pieces of the stream with one urgent byte after each.
private func receiveAround(_ stream: ByteStream, piece: Int, rounds: Int, over peer: Peer) throws {
    for round in 0..<rounds {
        try peer.receive(stream, from: round * piece, count: piece)
        guard try peer.receive(count: 1) == "!" else { throw SocketFailure.wrongBytes(near: (round + 1) * piece) }
    }
}
