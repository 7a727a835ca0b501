public import Gateway
internal import Glibc

/// `check`: looks at everything that the gateway depends on, with and without one that runs, and says what must be mended.
/// Exit codes: 0 where nothing is wrong, 1 where something is, 2 where the settings are.
public enum CheckProgram {
    /// Checks what these flags, this environment and the settings file say.
    public static func run(flags: [Setting: [String]], environment: [String: String]) -> Int32 {
        signal(SIGPIPE, SIG_IGN)
        guard let read = GatewayProgram.readSettings(SettingsSource(flags: flags, environment: environment)) else {
            return 2
        }
        var report = CheckReport()
        report.add(.fine, "the settings can be used")
        for warning in read.warnings { report.add(.note, warning) }
        let path = read.settings.adminSocket ?? ClientProgram.socketPath(flags, environment)
        let presence = checkRunning(at: path, &report)
        if presence != .runs { checkListeners(read.settings, presence, &report) }
        do {
            report.findings += try checkOutside(read.settings)
        } catch {
            GatewayProgram.complain("\(error)")
            return 1
        }
        let lines = report.lines(isColoured: ClientProgram.isColoured)
        Output.write(lines.joined(separator: "\n"), to: STDOUT_FILENO)
        return report.exitCode
    }

    private static func checkOutside(_ settings: Settings) throws -> [CheckReport.Finding] {
        let executor = try EventExecutor()
        let thread = try SystemThread(name: "check") { executor.run() }
        defer {
            executor.stop()
            thread.join()
        }
        let result = ProgramExecutor().run { await EndpointCheck.run(settings, executor) }
        return try result.get()
    }

    /// Whether a gateway runs here.
    private enum Presence {
        case runs, doesNot, unknown
    }

    private static func checkRunning(at path: String, _ report: inout CheckReport) -> Presence {
        do throws(AdminClient.Failure) {
            let status = try ClientProgram.status(AdminClient(path: path))
            let text =
                "a gateway runs (version \(status.program.version), since \(Figures.duration(status.program.uptime)))"
            if status.isStopping {
                report.add(.trouble, "\(text), but is about to end", advice: "start it again when it has")
            } else if status.isReady {
                report.add(.fine, "\(text) and is ready: \(status.good)/\(status.endpoints.count) endpoints work")
            } else {
                report.add(.trouble, "\(text), but for it no endpoint works", advice: "etcd-gateway status tells more")
            }
            if status.program.version != Version.number {
                report.add(.note, "it is not of the release of this program, \(Version.number)")
            }
            return .runs
        } catch {
            report.add(.note, error.description)
            return error.isForbidden ? .unknown : .doesNot
        }
    }

    /// Each listener is opened for a moment; a gateway that runs has them open.
    private static func checkListeners(_ settings: Settings, _ presence: Presence, _ report: inout CheckReport) {
        for case .ip(let address) in settings.listenAddresses where address.port != 0 {
            do throws(SystemError) {
                try ListenerCheck.bind(address)
                report.add(.fine, "\(address) can be listened on")
            } catch  where error.number == EADDRINUSE && presence == .unknown {
                report.add(.note, "somebody listens on \(address): the gateway, if it runs")
            } catch {
                report.add(.trouble, "\(error)", advice: ListenerCheck.advice(error, address))
            }
        }
    }
}

/// Whether an address can be listened on.
private enum ListenerCheck {
    // unsafe: the kernel reads a number and an address of ours while the call lasts, as much as their lengths say.
    static func bind(_ address: SocketAddress) throws(SystemError) {
        var system = SystemAddress(address)
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let socket = Descriptor(owning: try checkErrno("create a socket", Glibc.socket(system.family, type, 0)))
        var on: Int32 = 1
        _ = unsafe setsockopt(socket.number, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        try checkErrno("listen on \(address)", unsafe system.withPointer { unsafe Glibc.bind(socket.number, $0, $1) })
    }

    static func advice(_ error: SystemError, _ address: SocketAddress) -> String {
        switch error.number {
        case EADDRINUSE:
            """
            somebody listens there: ss -ltnp 'sport = :\(address.port)' tells who. If it is systemd, for etcd-gateway.socket, \
            the service is down: systemctl status etcd-gateway tells why. Anybody else: stop it, or choose another port
            """
        case EADDRNOTAVAIL: "this machine has no such address: ip address tells which it has"
        case EACCES: "ports below 1024 need the capability CAP_NET_BIND_SERVICE"
        default: "choose another \(Setting.listenAddresses.flag)"
        }
    }
}
