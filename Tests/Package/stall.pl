# Holds one thread of a process as if it were stuck, until this ends: by ptrace(2), so that the others run on.
# perl stall.pl PROCESS NAME-OF-THREAD
use strict;
use warnings;

my ($process, $name) = @ARGV;
my ($thread) = grep { name_of($_) eq $name } map { m{(\d+)$} } glob("/proc/$process/task/*");
$thread or die "process $process has no thread $name\n";
my $machine = do { open(my $pipe, '-|', 'uname', '-m') or die $!; <$pipe> };
my $ptrace = $machine =~ /aarch64/ ? 117 : 101;
my ($seize, $interrupt, $all) = (0x4206, 0x4207, 0x40000000);
syscall($ptrace, $seize, $thread + 0, 0, 0) == 0 or die "seize: $!";
syscall($ptrace, $interrupt, $thread + 0, 0, 0) == 0 or die "interrupt: $!";
waitpid($thread, $all) == $thread or die "wait: $!";
$| = 1;
print "stalled\n";
# The one who is held may be killed, and must not become a zombie of ours for ever.
waitpid($thread, $all);

sub name_of {
    open(my $file, '<', "/proc/$process/task/$_[0]/comm") or return '';    # it has just ended
    chomp(my $comm = <$file>);
    return $comm;
}
