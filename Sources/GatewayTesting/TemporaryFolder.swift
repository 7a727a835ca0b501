import Foundation

/// A folder of its own under the system's temporary one, removed with all its content when the last user lets go.
public final class TemporaryFolder: Sendable {
    /// The folder's absolute path.
    public let path: String

    /// Creates an empty folder that only this user may enter.
    public init() throws {
        var template = Array((NSTemporaryDirectory() + "etcd-gateway-test-XXXXXX").utf8CString)
        guard mkdtemp(&template) != nil else {
            throw TestingError("cannot create a folder in \(NSTemporaryDirectory()): errno \(errno)")
        }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    /// The path of `name` in this folder, whether it exists or not.
    public func path(of name: String) -> String {
        "\(path)/\(name)"
    }

    /// Writes a text file, all of it or nothing, and returns its path.
    @discardableResult
    public func write(_ text: String, to name: String) throws -> String {
        let file = path(of: name)
        try text.write(toFile: file, atomically: true, encoding: .utf8)
        return file
    }
}
