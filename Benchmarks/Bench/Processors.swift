import Foundation

/// Who runs on which CPU: the generator and the sink have one each where there are at least four, for their work must
/// not disturb what is measured. On fewer the kernel places everybody.
struct Processors: Sendable {
    /// The CPUs of one program; `nil` for all.
    struct Place: Sendable {
        let list: String?

        /// The command that runs a program there.
        func command(_ program: String, _ arguments: [String]) -> (program: String, arguments: [String]) {
            guard let list else { return (program, arguments) }
            return ("/usr/bin/taskset", ["-c", list, program] + arguments)
        }
    }

    let proxy: Place
    let generator: Place
    let sink: Place
    /// For the head of the results.
    let words: String

    init(count: Int = ProcessInfo.processInfo.activeProcessorCount) {
        guard count >= 4 else {
            (proxy, generator, sink) = (Place(list: nil), Place(list: nil), Place(list: nil))
            words = "\(count) CPUs, shared by generator, sink and proxy"
            return
        }
        proxy = Place(list: "0-\(count - 3)")
        generator = Place(list: "\(count - 2)")
        sink = Place(list: "\(count - 1)")
        words = "\(count) CPUs: one for the generator, one for the sink, the others for the proxy"
    }
}
