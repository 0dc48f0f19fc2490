# The shim while the command runs, on a host with perl and without python3: see waiter.py.
# usage: waiter.pl ATTEMPT WORD...
use strict;
use warnings;
use POSIX ();

$^F = 9;    # the command keeps descriptor 9, the run's lock
my ($attempt, @words) = @ARGV;
my $command = fork();
defined $command or exit 74;
if ($command == 0) {
    setpgrp(0, 0);
    $SIG{$_} = 'DEFAULT' for grep { !/^(KILL|STOP|ZERO|NUM\d+|__\w+__)$/ } keys %SIG;
    POSIX::close($_) for 3 .. 8;
    { no warnings; exec { $words[0] } @words; }
    my $missing = $!{ENOENT};
    syswrite STDERR, "remoterun: cannot start the command: $!\n";
    POSIX::_exit($missing ? 127 : 126);
}
my $pid;
do { $pid = waitpid(-1, 0) } until $pid == $command || ($pid < 0 && !$!{EINTR});
my @ended = $? & 127 ? ('signal', $? & 127) : ('exit', $? >> 8);
exec 'bash', '-c', '. "$0/lib.sh" && . "$0/shim.sh"', "$attempt/control/wrappers", $attempt, 'ended', @ended;
