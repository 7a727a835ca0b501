import Foundation

/// Where the programs are that the tests run: what `scripts/fetch-tools` has unpacked, and the gateway that was built
/// together with the tests.
public enum ToolBox {
    /// The root of the package.
    public static let packageRoot: String = {
        let file = URL(fileURLWithPath: #filePath)
        return file.deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path
    }()

    /// The path of a program of `scripts/fetch-tools`: etcd, etcdctl, nsd or openssl.
    public static func tool(_ name: String) throws -> String {
        let path = "\(packageRoot)/.build/tools/bin/\(name)"
        guard FileManager.default.isExecutableFile(atPath: path) else {
            throw TestingError("there is no \(path): type `make test`, or once `scripts/fetch-tools`")
        }
        return path
    }

    /// The path of a program that was built together with these tests.
    public static func beside(_ name: String) throws -> String {
        let folder = Bundle.main.executableURL?.resolvingSymlinksInPath().deletingLastPathComponent().path
        let candidates = [folder, "\(packageRoot)/.build/debug"].compactMap { $0 }.map { "\($0)/\(name)" }
        guard let path = candidates.first(where: FileManager.default.isExecutableFile(atPath:)) else {
            throw TestingError("no \(name) at \(candidates.joined(separator: " or ")): type `make test`")
        }
        return path
    }

    /// The path of the gateway to test: `GATEWAY_UNDER_TEST` from the environment, else the one that was built into the
    /// same folder as these tests, else the debug build.
    public static func gateway() throws -> String {
        var candidates = ["\(packageRoot)/.build/debug/etcd-gateway"]
        if let testBundle = Bundle.main.executableURL {
            let beside = testBundle.resolvingSymlinksInPath().deletingLastPathComponent()
            candidates.insert(beside.appendingPathComponent("etcd-gateway").path, at: 0)
        }
        if let chosen = ProcessInfo.processInfo.environment["GATEWAY_UNDER_TEST"] {
            candidates = [chosen]
        }
        guard let path = candidates.first(where: FileManager.default.isExecutableFile(atPath:)) else {
            throw TestingError("no gateway at \(candidates.joined(separator: " or ")): type `make test`")
        }
        return path
    }
}
