internal import Glibc

/// The environment of this process.
public enum ProcessEnvironment {
    // unsafe: the list ends with nil and each text with a zero, and both are copied. Nobody changes them meanwhile:
    // that is done at the start, before there are threads.
    /// All variables.
    public static func all() -> [String: String] {
        var variables: [String: String] = [:]
        var next = unsafe environ
        while let entry = unsafe next.pointee {
            let parts = unsafe String(cString: entry).split(
                separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 { variables[String(parts[0])] = String(parts[1]) }
            unsafe next += 1
        }
        return variables
    }
}
