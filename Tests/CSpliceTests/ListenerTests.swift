import CSplice
import Glibc
import Testing

extension DataPlaneTests {
    @Suite struct ListenerTests {
        @Test func portZero_becomesAPortThatIsTold() throws {
            try withPlane { plane in
                var address = csp_address.loopback4()
                let number = csp_plane_listen(plane.plane, &address)
                try #require(number >= 0)
                #expect(csp_plane_listener_address(plane.plane, UInt32(number), &address) == 0)
                #expect(address.port != 0)
                #expect(address.ipBytes == [127, 0, 0, 1])
                #expect(number != plane.listener)
                _ = try plane.open(through: .ip(address))
            }
        }

        @Test func unixListener_hasNoAddress() throws {
            try withPlane(entrance: .unix) { plane in
                var address = csp_address.loopback4()
                #expect(csp_plane_listener_address(plane.plane, plane.listener, &address) == -EAFNOSUPPORT)
            }
        }

        @Test(arguments: [PlaneUnderTest.Entrance.ipv4, .ipv6, .unix])
        func secondListener_onTheSameAddress_isRefused(entrance: PlaneUnderTest.Entrance) throws {
            try withPlane(entrance: entrance) { plane in
                #expect(listenAgain(plane, at: plane.entrance) == -EADDRINUSE)
                _ = try plane.open()
            }
        }

        @Test func anotherPlane_onTheSameAddress_isRefused() throws {
            try withPlane { first in
                try withPlane { second in
                    #expect(listenAgain(second, at: first.entrance) == -EADDRINUSE)
                }
            }
        }

        @Test func foreignAddress_isRefused() throws {
            try withPlane { plane in
                var address = csp_address.ipv4(192, 0, 2, 1, port: 0)  // RFC 5737: nobody's
                #expect(csp_plane_listen(plane.plane, &address) == -EADDRNOTAVAIL)
            }
        }

        @Test func wildcards_ofBothFamilies_shareAPort() throws {
            try withPlane { plane in
                var four = csp_address.ipv4(0, 0, 0, 0, port: 0)
                let number = csp_plane_listen(plane.plane, &four)
                try #require(number >= 0)
                #expect(csp_plane_listener_address(plane.plane, UInt32(number), &four) == 0)
                var six = csp_address.loopback6(port: four.port)
                withUnsafeMutableBytes(of: &six.ip) { $0[15] = 0 }
                #expect(csp_plane_listen(plane.plane, &six) >= 0)
                _ = try plane.open(through: .ip(.loopback4(port: four.port)))
                _ = try plane.open(through: .ip(.loopback6(port: four.port)))
            }
        }

        @Test func moreListenersThanFit_areRefused_andNumbersAreReused() throws {
            try withPlane { plane in
                var address = csp_address.loopback4()
                var numbers: [Int32] = []
                for _ in 1..<CSP_LISTENERS_MAX { numbers.append(csp_plane_listen(plane.plane, &address)) }
                #expect(numbers.allSatisfy { $0 >= 0 })
                #expect(Set(numbers).count == numbers.count)
                #expect(csp_plane_listen(plane.plane, &address) == -ENOSPC)
                #expect(csp_plane_unlisten(plane.plane, UInt32(numbers[3])) == 0)
                #expect(csp_plane_listen(plane.plane, &address) == numbers[3])
            }
        }

        @Test func staleSocketFile_isReplaced() throws {
            let path = freshSocketPath()
            try leaveSocketFile(at: path)
            try withPlane { plane in
                let number = csp_plane_listen_unix(plane.plane, path, 0o640)
                try #require(number >= 0)
                _ = try plane.open(through: .unix(path))
                var status = stat()
                try check("stat", stat(path, &status))
                #expect(status.st_mode & 0o777 == 0o640)
            }
            #expect(access(path, F_OK) == -1, "the listener's file goes with the plane")
        }

        @Test func liveSocketFile_isRefused_andLivesOn() throws {
            try withPlane(entrance: .unix) { first in
                try withPlane { second in
                    #expect(listenAgain(second, at: first.entrance) == -EADDRINUSE)
                }
                _ = try Peer(connectedTo: first.entrance)
            }
        }

        @Test func fileThatIsNoSocket_isRefused_andKept() throws {
            let path = freshSocketPath()
            let file = try check("open", open(path, O_CREAT | O_WRONLY, 0o600))
            close(file)
            defer { unlink(path) }
            try withPlane { plane in
                #expect(csp_plane_listen_unix(plane.plane, path, 0o600) == -EADDRINUSE)
            }
            #expect(access(path, F_OK) == 0)
        }

        @Test func pathTooLong_isRefused() throws {
            try withPlane { plane in
                let longest = "/tmp/" + String(repeating: "x", count: 102)
                defer { unlink(longest) }
                #expect(csp_plane_listen_unix(plane.plane, longest, 0o600) >= 0)
                #expect(csp_plane_listen_unix(plane.plane, longest + "x", 0o600) == -ENAMETOOLONG)
            }
        }

        @Test(arguments: [PlaneUnderTest.Entrance.ipv4, .unix])
        func unlisten_endsAccepting_butNoSession(entrance: PlaneUnderTest.Entrance) throws {
            try withPlane(loops: 2, entrance: entrance) { plane in
                let session = try plane.open()
                #expect(csp_plane_unlisten(plane.plane, plane.listener) == 0)
                #expect(csp_plane_unlisten(plane.plane, plane.listener) == -ENOENT)
                #expect(throws: SocketFailure.self) { try Peer(connectedTo: plane.entrance) }
                if case .unix(let path) = plane.entrance { #expect(access(path, F_OK) == -1) }
                try session.client.send("still here")
                #expect(try session.upstream.receive(count: 10) == "still here")
            }
        }

        @Test func unknownListener_isNotFound() throws {
            try withPlane { plane in
                var address = csp_address.loopback4()
                #expect(csp_plane_unlisten(plane.plane, 7) == -ENOENT)
                #expect(csp_plane_unlisten(plane.plane, UInt32(CSP_LISTENERS_MAX)) == -ENOENT)
                #expect(csp_plane_listener_address(plane.plane, 7, &address) == -ENOENT)
            }
        }

        @Test func adoptedListener_isServed_withTheOptionsOfOurOwn() throws {
            try withPlane { plane in
                let (descriptor, destination) = try listeningSocket()
                let number = csp_plane_adopt_listener(plane.plane, descriptor)
                try #require(number >= 0)
                let session = try plane.open(through: destination)
                try session.client.send("adopted")
                #expect(try session.upstream.receive(count: 7) == "adopted")
                #expect(csp_plane_unlisten(plane.plane, UInt32(number)) == 0)
                #expect(fcntl(descriptor, F_GETFD) == -1, "it was ours and is closed")
            }
        }

        @Test func descriptorThatDoesNotListen_isNotAdopted() throws {
            try withPlane { plane in
                let client = try Peer(connectedTo: .ip(plane.server.address))
                #expect(csp_plane_adopt_listener(plane.plane, client.descriptor) == -EINVAL)
                #expect(fcntl(client.descriptor, F_GETFD) != -1, "it is still the caller's")
            }
        }

        /// Whoever handed the listener over may shut it down: its hang-up must not keep the loops awake.
        @Test func adoptedListener_shutDownByItsGiver_doesNotSpin() throws {
            try withPlane(loops: 2) { plane in
                let (descriptor, destination) = try listeningSocket()
                let kept = Peer(owning: dup(descriptor))
                try #require(csp_plane_adopt_listener(plane.plane, descriptor) >= 0)
                _ = try plane.open(through: destination)
                let before = plane.total(\.turns)
                try check("shutdown", shutdown(kept.descriptor, Int32(SHUT_RDWR)))
                let spins = eventually(within: .milliseconds(500)) { plane.total(\.turns) > before + 100 }
                #expect(!spins, "\(plane.total(\.turns) - before) turns")
                _ = try plane.open()
            }
        }
    }
}

private func listenAgain(_ plane: PlaneUnderTest, at destination: Destination) -> Int32 {
    switch destination {
    case .ip(var address): csp_plane_listen(plane.plane, &address)
    case .unix(let path): csp_plane_listen_unix(plane.plane, path, 0o600)
    }
}

/// A socket file that nobody listens on any more.
private func leaveSocketFile(at path: String) throws {
    let left = Peer(owning: try check("socket", socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)))
    try check("bind", Destination.unix(path).withSystemAddress { bind(left.descriptor, $0, $1) })
    try check("listen", listen(left.descriptor, 1))
    left.close()
}
