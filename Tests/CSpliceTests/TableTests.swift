import CSplice
import Glibc
import Testing

extension DataPlaneTests {
    /// What a process finds that was left by nobody we know.
    @Suite struct TableTests {
        private func check(_ change: (UnsafeMutableRawPointer) -> Void) -> Int32 {
            let table = csp_table_create()
            defer { close(table) }
            guard let memory = mmap(nil, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, table, 0) else { return -EIO }
            change(memory)
            munmap(memory, 4096)
            return csp_table_check(table)
        }

        @Test func ownTable_isTaken() {
            #expect(check { _ in } == 0)
        }

        @Test(arguments: 0..<52)
        func tableWithAnyOtherByte_isNot(offset: Int) {
            let result = check { memory in
                let byte = memory.load(fromByteOffset: offset, as: UInt8.self)
                memory.storeBytes(of: ~byte, toByteOffset: offset, as: UInt8.self)
            }
            #expect(result == -EPROTO)
        }

        @Test(.enabled(if: geteuid() == 0)) func tableOfAnotherUser_isNot() {
            let table = csp_table_create()
            defer { close(table) }
            #expect(fchown(table, 65_534, 65_534) == 0)
            #expect(csp_table_check(table) == -EPERM)
        }

        /// What a later version may do: more behind what we know of each part, and a higher minor number.
        private static let later = TableForm(
            minor: 7, headerBytes: 8192, entryBytes: 96, shelfBytes: 81_920, bufferBytes: 73_728, noteBytes: 73_728)

        /// What the first version made: it knows nothing of what is beside the entries.
        private static let first = TableForm(minor: 0, shelfBytes: 36_864)

        @Test(arguments: [later, first])
        func tableOfAnotherMinorForm_servesUsToo(form: TableForm) throws {
            let guardian = try StoreGuardian(table: form.make())
            try guardian.start()
            let sessions = try (0..<30).map { _ in
                OpenSession(
                    client: try Peer(connectedTo: guardian.entrance), upstream: try guardian.server.accept(), loop: 0,
                    number: 0)
            }
            try guardian.waitUntilStored(30)
            guardian.kill()
            #expect(try guardian.start() == .init(sessions: 30))
            for session in sessions {
                try session.client.send("over")
                #expect(try session.upstream.receive(count: 4) == "over")
            }
            #expect(try guardian.handOver() == .init(sessions: 30))
            #expect(try guardian.stop() == 0)
            #expect(try guardian.start() == .init(sessions: 30))
            for session in sessions {
                try session.upstream.send("back")
                #expect(try session.client.receive(count: 4) == "back")
            }
        }

        @Test func ownForm_isAsTheTestsKnowIt() throws {
            let table = try TableForm().make()
            defer { close(table) }
            #expect(csp_table_check(table) == 0)
        }

        @Test(arguments: [
            TableForm(major: 2), TableForm(major: 0), TableForm(entryBytes: 56), TableForm(entries: 1024),
            TableForm(shelves: 2048), TableForm(shelfBytes: 4096), TableForm(entryBytes: 68), TableForm(buffers: 1),
            TableForm(bufferBytes: 1 << 21), TableForm(noteBytes: 1024), TableForm(headerBytes: 16),
        ])
        func otherForm_isNot(form: TableForm) throws {
            let table = try form.make()
            defer { close(table) }
            #expect(csp_table_check(table) == -EPROTO)
        }

        @Test func otherFiles_areNone() throws {
            let file = open("/proc/self/exe", O_RDONLY)
            defer { close(file) }
            #expect(file >= 0)
            #expect(csp_table_check(file) == -EPROTO)
            #expect(csp_table_check(-1) == -EPROTO)
        }
    }
}
