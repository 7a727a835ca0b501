# Asks etcd for its version through the gateway, again and again, each time by a new connection. At SIGTERM it prints how
# many were answered, how many were refused, and how many ended otherwise.
use strict;
use warnings;
use Errno qw(ECONNREFUSED);
use Socket;

my ($port) = @ARGV;
my ($answered, $refused, $ended) = (0, 0, 0);
my $go_on = 1;
$SIG{TERM} = sub { $go_on = 0 };
$SIG{PIPE} = 'IGNORE';
while ($go_on) {
    socket(my $socket, AF_INET, SOCK_STREAM, 0) or die "socket: $!";
    setsockopt($socket, SOL_SOCKET, $_, pack('l!l!', 20, 0)) for (SO_RCVTIMEO, SO_SNDTIMEO);
    if (connect($socket, pack_sockaddr_in($port, INADDR_LOOPBACK))) {
        syswrite($socket, "GET /version HTTP/1.0\r\n\r\n");
        my $answer = '';
        1 while sysread($socket, $answer, 4096, length $answer);
        $answer =~ /etcdserver/ ? $answered++ : $ended++;
    } elsif ($! == ECONNREFUSED) {
        $refused++;
    } else {
        $ended++;
    }
    select(undef, undef, undef, 0.002);
}
print "$answered $refused $ended\n";
