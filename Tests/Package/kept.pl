# Keeps connections to etcd through the gateway open and asks for its version again and again on each of them. Connections
# that end are not made again. At SIGTERM it prints how many answers there were, how many connections have ended, and the
# longest time in milliseconds for which one had to wait.
use strict;
use warnings;
use IO::Select;
use Socket;

my ($port, $count) = @ARGV;
my ($answers, $ended, $longest) = (0, 0, 0);
my $go_on = 1;
$SIG{TERM} = sub { $go_on = 0 };
$SIG{PIPE} = 'IGNORE';
my ($select, %asked, %said) = (IO::Select->new);
my $request = "GET /version HTTP/1.1\r\nHost: gateway\r\n\r\n";

# Debian's smallest perl has no finer clock of its own.
sub now {
    open(my $file, '<', '/proc/uptime') or die "uptime: $!";
    return (split ' ', readline $file)[0];
}

sub ask {
    my ($socket) = @_;
    $asked{$socket} = now();
    $said{$socket} = '';
    (syswrite($socket, $request) // 0) == length $request or lose($socket);
}

sub lose {
    my ($socket) = @_;
    $ended++;
    $select->remove($socket);
    delete $asked{$socket};
}

for (1 .. $count) {
    socket(my $socket, AF_INET, SOCK_STREAM, 0) or die "socket: $!";
    connect($socket, pack_sockaddr_in($port, INADDR_LOOPBACK)) or die "connect: $!";
    $select->add($socket);
    ask($socket);
}
while ($go_on) {
    for my $socket ($select->can_read(0.2)) {
        my $got = sysread($socket, $said{$socket}, 4096, length $said{$socket});
        if (!$got) { lose($socket); next; }
        next unless $said{$socket} =~ /\r\n\r\n\{.*\}/s;
        my $waited = now() - $asked{$socket};
        $longest = $waited if $waited > $longest;
        $answers++;
        ask($socket);
    }
    select(undef, undef, undef, 0.005);
}
my $end = now();
for my $since (values %asked) { $longest = $end - $since if $end - $since > $longest; }
printf "%d %d %d\n", $answers, $ended, 1000 * $longest;
