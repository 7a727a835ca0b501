import Foundation
import FoundationNetworking

/// One HTTP request over TCP, whole.
public enum WebRequest {
    /// What came back.
    public struct Answer: Sendable {
        /// HTTP's number for it.
        public var status: Int
        /// Its text.
        public var body: String
        /// Its kind.
        public var type: String
    }

    /// Asks `http://address/path` within ten seconds.
    public static func run(_ address: String, _ path: String, method: String = "GET") async throws -> Answer {
        guard let url = URL(string: "http://\(address)\(path)") else { throw TestingError("\(path) is no path") }
        var request = URLRequest(url: url, timeoutInterval: 10)
        request.httpMethod = method
        let (data, response) = try await URLSession.shared.data(for: request)
        guard let response = response as? HTTPURLResponse else { throw TestingError("no HTTP from \(url)") }
        return Answer(
            status: response.statusCode, body: String(decoding: data, as: UTF8.self),
            type: response.value(forHTTPHeaderField: "content-type") ?? "")
    }
}
