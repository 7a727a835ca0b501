/// Starts a program as a service manager does that has opened sockets for it (sd_listen_fds(3)).
public enum PassedSockets {
    /// One of them.
    public enum Kind: Sendable {
        /// Listens on 127.0.0.1.
        case stream(port: UInt16)
        /// Listens on this path.
        case path(String)
        /// A datagram socket, which no service of ours can use.
        case datagram
        /// A stream socket on which nobody listens.
        case idle
        /// No socket.
        case file
    }

    /// The command line that opens these in order, from descriptor 3 on, and becomes `command`.
    public static func command(_ sockets: [(name: String, kind: Kind)], _ command: [String]) -> [String] {
        let names = sockets.map(\.name).joined(separator: ":")
        return ["/usr/bin/perl", "-e", script, names, sockets.map { $0.kind.word }.joined(separator: ",")] + command
    }

    private static let script = """
        use Socket;
        $^F = 255;
        my ($names, $kinds, @command) = @ARGV;
        my @open;
        for (split /,/, $kinds) {
            my ($kind, $where) = split /=/;
            my $one;
            if ($kind eq 'file') {
                open($one, '<', '/dev/null') or die $!;
            } elsif ($kind eq 'path') {
                socket($one, AF_UNIX, SOCK_STREAM, 0) && bind($one, pack_sockaddr_un($where)) or die $!;
            } else {
                socket($one, AF_INET, $kind eq 'datagram' ? SOCK_DGRAM : SOCK_STREAM, 0) or die $!;
                setsockopt($one, SOL_SOCKET, SO_REUSEADDR, 1) or die $!;
                bind($one, pack_sockaddr_in($where // 0, INADDR_LOOPBACK)) or die $!;
            }
            if ($kind eq 'stream' or $kind eq 'path') { listen($one, 128) or die $!; }
            push @open, $one;
            fileno($one) == 2 + @open or die 'a descriptor is in the way';
        }
        @ENV{'LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES'} = ($$, scalar @open, $names);
        exec @command or die $!;
        """
}

extension PassedSockets.Kind {
    fileprivate var word: String {
        switch self {
        case .stream(let port): "stream=\(port)"
        case .path(let path): "path=\(path)"
        case .datagram: "datagram"
        case .idle: "idle"
        case .file: "file"
        }
    }
}
