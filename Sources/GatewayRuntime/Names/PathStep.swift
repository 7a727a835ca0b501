internal import Glibc

/// A file's name and the folder that it stands in.
struct PathStep {
    let folder: String
    let name: String

    /// More symbolic links in a row than this are a loop (path_resolution(7)).
    private static let mostLinks = 40

    /// The last part of a path, and what is before it.
    init(_ path: String) {
        guard let slash = path.lastIndex(of: "/") else {
            (folder, name) = (".", path)
            return
        }
        folder = slash == path.startIndex ? "/" : String(path[..<slash])
        name = String(path[path.index(after: slash)...])
    }

    /// The path itself, then where it leads if it is a symbolic link, and so on.
    static func all(to path: String) -> [PathStep] {
        var steps: [PathStep] = []
        var next: String? = path
        while let path = next, steps.count <= mostLinks {
            let step = PathStep(path)
            steps.append(step)
            next = target(of: path).map { $0.hasPrefix("/") ? $0 : step.folder + "/" + $0 }
        }
        return steps
    }

    private static func target(of path: String) -> String? {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = unsafe readlink(path, &buffer, buffer.count)  // unsafe: both are ours, and filled within the count
        guard count > 0 else { return nil }
        return String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
