import Foundation

/// Files of the machine that one process alone sees differently, in a mount namespace of its own: the machine's stay as
/// they are, and what is mounted goes with the process.
public struct PrivateMounts: Sendable {
    private let script: String

    /// Shows the content of `folder` at `place`. Files may be changed and replaced in it while the process runs.
    public static func folder(_ folder: String, at place: String) -> PrivateMounts {
        PrivateMounts(script: "mount --bind '\(folder)' '\(place)'")
    }

    /// Shows `folder` where it is, but read-only.
    public static func readOnly(_ folder: String) -> PrivateMounts {
        PrivateMounts(script: "mount --bind '\(folder)' '\(folder)' && mount -o remount,bind,ro '\(folder)'")
    }

    /// Shows an empty file system without any room at `folder`.
    public static func full(_ folder: String) -> PrivateMounts {
        PrivateMounts(
            script: "mount -t tmpfs -o size=4k none '\(folder)' && { cat /dev/zero >'\(folder)/rest' || true; }")
    }

    /// Whether this machine lets us: containers often do not.
    public static let arePossible: Bool = {
        let mount = unshare.dropFirst() + ["mount", "-t", "tmpfs", "none", "/mnt"]
        guard let process = try? ChildProcess(unshare[0], Array(mount)) else { return false }
        while process.isRunning { usleep(1_000) }
        return process.exitStatus == .code(0)
    }()

    private static let unshare =
        ["/usr/bin/unshare", "--mount", "--propagation=private"] + (getuid() == 0 ? [] : ["--map-root-user"])

    func command(_ command: [String]) -> [String] {
        Self.unshare + ["/bin/sh", "-c", "(\(script)) 2>/dev/null && exec \"$@\"", "sh"] + command
    }
}
