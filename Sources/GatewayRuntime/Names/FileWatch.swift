internal import CLinux
internal import Gateway
internal import Glibc

/// Tells when one of some files was changed, replaced, made or removed, by inotify on their folders, for editors and DHCP
/// clients replace files, and a symbolic link's file changes elsewhere; and on the files, for one that is mounted from elsewhere,
/// as a container's are, changes there. Lives on the control loop, and is closed there.
final class FileWatch {
    /// Events within this time are one change: an editor makes several, and the first may see half a file.
    static let settleTime = Duration.milliseconds(100)

    private static let events = UInt32(
        IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF)

    private let executor: EventExecutor
    private let paths: [String]
    private let changed: () -> Void
    private let inotify: Descriptor
    /// The names that matter in each folder that is watched, by the watch's number.
    private var names: [Int32: Set<String>] = [:]
    private var stamps: [[UInt64]] = []
    private var timer: EventExecutor.TimerID?
    private var isWatching = false

    init(executor: EventExecutor, paths: [String], _ changed: @escaping () -> Void) throws(SystemError) {
        self.executor = executor
        self.paths = paths
        self.changed = changed
        let flags = Int32(IN_CLOEXEC) | Int32(IN_NONBLOCK)
        inotify = Descriptor(owning: try checkErrno("create an inotify instance", inotify_init1(flags)))
        watchFolders()
        stamps = paths.map(Self.stamp)
        try executor.watch(inotify.number, EPOLLIN.rawValue) { [weak self] _ in self?.look() }
        isWatching = true
    }

    deinit {
        precondition(!isWatching, "a watch is closed on its own thread before it goes")
    }

    func close() {
        guard isWatching else { return }
        isWatching = false
        executor.unwatch(inotify.number)
        if let timer { executor.cancel(timer) }
    }

    // unsafe: C reads the path while the call lasts.
    /// Watches every folder on the way to the files, for links may lead elsewhere than before, folders come and go; and the files.
    private func watchFolders() {
        var found: [Int32: Set<String>] = [:]
        for step in paths.flatMap(PathStep.all) {
            guard let (number, name) = add(step) else { continue }
            found[number, default: []].insert(name)
        }
        for path in paths {
            // One that is missing has its folder's watch.
            let number = unsafe inotify_add_watch(inotify.number, path, Self.events)
            if number != -1, found[number] == nil { found[number] = [] }
        }
        for number in names.keys where found[number] == nil { _ = inotify_rm_watch(inotify.number, number) }
        names = found
    }

    // unsafe: C reads a path, and fills a buffer within its count, while the call lasts; both are ours, and it keeps
    // neither.
    /// The folder's watch, or where it is missing that of the one in which it would appear. One that is forbidden cannot be
    /// watched; the times to live still bring what it says, late.
    private func add(_ step: PathStep) -> (number: Int32, name: String)? {
        var step = step
        while true {
            let number = unsafe inotify_add_watch(inotify.number, step.folder, Self.events)
            if number != -1 { return (number, step.name) }
            guard errno == ENOENT || errno == ENOTDIR, step.folder != "/" else { return nil }
            step = PathStep(step.folder)
        }
    }

    /// Something happened in one of the folders; most of it is none of our business.
    private func look() {
        let isAboutUs = readEvents()
        guard isAboutUs || paths.map(Self.stamp) != stamps, timer == nil else { return }
        timer = executor.schedule(at: MonotonicClock.now() + Self.settleTime) { [weak self] in self?.settled() }
    }

    private func settled() {
        timer = nil
        watchFolders()
        stamps = paths.map(Self.stamp)
        changed()
    }

    /// Whether one of the events names a file of ours, or a folder on the way to it.
    private func readEvents() -> Bool {
        var buffer = [UInt8](repeating: 0, count: 4096)
        var isAboutUs = false
        while true {
            let count = unsafe read(inotify.number, &buffer, buffer.count)
            guard count > 0 else { return isAboutUs }
            for event in InotifyEvents(bytes: buffer[..<count]) {
                let isNamed = event.name.map { names[event.watch]?.contains($0) == true } ?? (names[event.watch] != nil)
                if isNamed || event.isOverflow { isAboutUs = true }
            }
        }
    }

    /// Whether it exists, inode, size and time: all that matters is whether they are the same.
    private static func stamp(of path: String) -> [UInt64] {
        let stamp = unsafe clinux_stamp(path)
        return [stamp.exists, stamp.inode, stamp.bytes, stamp.changed_ns]
    }
}
