/// The first message of a TLS handshake, as a client of TLS 1.2 and 1.3 sends it (RFC 8446, section 4.1.2), for a probe
/// that wants no more than a sign of life.
public enum ClientHello {
    /// The first byte of a record that carries a handshake message.
    public static let handshakeRecord: UInt8 = 0x16
    /// The first byte of a record that carries an alert.
    public static let alertRecord: UInt8 = 0x15

    /// One whole record. `host` goes into the server name extension if it is a name.
    ///
    /// No key share is offered, which RFC 8446 allows: a 1.3 server then asks for one (HelloRetryRequest) without having
    /// signed anything, so that a probe costs the member a fraction of a handshake.
    public static func record(host: String?, using generator: inout some RandomNumberGenerator) -> [UInt8] {
        var body: [UInt8] = [3, 3] + random(32, &generator)
        body += counted1(random(32, &generator))  // a session ID, as middleboxes expect one
        body += counted2(cipherSuites)
        body += [1, 0]  // no compression
        body += counted2(extensions(host: host))
        let message = [1, 0] + counted2(body)  // client_hello with a length of three bytes
        return [handshakeRecord, 3, 1] + counted2(message)
    }

    /// The three of TLS 1.3, then what Go and OpenSSL offer by default for 1.2.
    private static let cipherSuites: [UInt8] = [
        0x13, 0x01, 0x13, 0x02, 0x13, 0x03, 0xC0, 0x2B, 0xC0, 0x2F, 0xC0, 0x2C, 0xC0, 0x30, 0xCC, 0xA9, 0xCC, 0xA8,
        0xC0, 0x09, 0xC0, 0x13, 0xC0, 0x0A, 0xC0, 0x14, 0x00, 0x9C, 0x00, 0x9D, 0x00, 0x2F, 0x00, 0x35,
    ]

    private static func extensions(host: String?) -> [UInt8] {
        var all: [UInt8] = []
        if let name = serverName(host) { all += [0, 0] + counted2(counted2([0] + counted2(name))) }
        all += [0, 10] + counted2(counted2([0, 0x1D, 0, 0x17, 0, 0x18]))  // x25519, P-256, P-384
        all += [0, 11] + counted2([1, 0])  // uncompressed points
        all += [0, 13] + counted2(counted2(signatureAlgorithms))
        all += [0, 43] + counted2([4, 3, 4, 3, 3])  // TLS 1.3 and 1.2
        all += [0, 45] + counted2([1, 1])  // keys with (EC)DHE only
        all += [0, 51] + counted2([0, 0])  // no key share
        return all
    }

    private static let signatureAlgorithms: [UInt8] = [
        0x04, 0x03, 0x08, 0x04, 0x04, 0x01, 0x05, 0x03, 0x08, 0x05, 0x05, 0x01, 0x06, 0x03, 0x08, 0x06, 0x06, 0x01,
        0x08, 0x07, 0x02, 0x01,
    ]

    /// The name without the dot that marks it as absolute; an address is no server name (RFC 6066, section 3).
    private static func serverName(_ host: String?) -> [UInt8]? {
        guard let host, case .name(let name) = Host(host) else { return nil }
        let bytes = Array(name.utf8)
        return bytes.last == UInt8(ascii: ".") ? bytes.dropLast() : bytes
    }

    private static func random(_ count: Int, _ generator: inout some RandomNumberGenerator) -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < count {
            bytes += (0..<8).map { [word = generator.next()] in UInt8(word >> (8 * $0) & 0xFF) }
        }
        return Array(bytes.prefix(count))
    }

    private static func counted1(_ bytes: [UInt8]) -> [UInt8] { [UInt8(bytes.count)] + bytes }

    private static func counted2(_ bytes: [UInt8]) -> [UInt8] {
        [UInt8(bytes.count >> 8), UInt8(bytes.count & 0xFF)] + bytes
    }
}
