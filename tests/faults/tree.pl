# A tree of processes that does all that makes a stop hard.
# usage: tree.pl PIDS THEN       PIDS: `name pid birth` of each; THEN: wait, deaf or `exit N`
use strict;
use warnings;
use POSIX ();
my ($pids, $then) = @ARGV;

# With its birth: a number alone may be somebody else's by the time it is read.
sub note {
    open my $stat, '<', "/proc/$$/stat" or die;
    my $born = (split ' ', <$stat> =~ s/.*\)//r)[19];
    open my $file, '>>', $pids or die;
    syswrite $file, "$_[0] $$ $born\n";
}
sub become {    # NAME CLEAN: a sleeper that is found by nothing in its memory
    my ($name, $clean) = @_;
    note($name);
    my @words = ('/bin/sleep', '1000');
    if ($clean) { %ENV = (); }
    exec { $words[0] } @words;
}
sub child {     # NAME HOW
    my ($name, %how) = @_;
    my $pid = fork() // die;
    return if $pid;
    POSIX::setsid() if $how{session};
    if ($how{orphan}) { POSIX::_exit(0) if fork(); POSIX::setsid() if $how{session}; }
    $SIG{TERM} = $SIG{INT} = $SIG{HUP} = 'IGNORE' if $how{deaf};
    if ($how{unlocked}) { POSIX::close(9); }
    if ($how{frozen}) { note($name); kill STOP => $$; }
    become($name, $how{clean});
}
child('plain');
child('deaf', deaf => 1);
child('session', session => 1);
child('orphan', orphan => 1);
child('daemon', orphan => 1, session => 1, deaf => 1);
child('clean', clean => 1, deaf => 1);
child('clean_session', clean => 1, session => 1, unlocked => 1);
child('clean_orphan', clean => 1, orphan => 1, unlocked => 1);
child('clean_daemon', clean => 1, orphan => 1, session => 1, deaf => 1);
child('hidden_daemon', clean => 1, orphan => 1, session => 1, deaf => 1, unlocked => 1);
child('frozen', frozen => 1);
if (!fork()) {
    $SIG{TERM} = 'IGNORE';
    note('zombies');
    for (1 .. 3) { exit 0 unless fork() }
    sleep 1000;
    exit;
}
if (!fork()) {  # keeps making new ones
    note('breeder');
    $SIG{CHLD} = 'IGNORE';
    while (1) {
        if (!fork()) {
            POSIX::setsid();
            note('bred');
            exec '/bin/sleep', '2';
        }
        select undef, undef, undef, 0.2;
    }
}
sub grown { open my $file, '<', $pids or return; my @lines = <$file>; return @lines >= 14; }
select undef, undef, undef, 0.1 until grown();
note('job');
exit $1 if $then =~ /^exit (\d+)/;
$SIG{TERM} = 'IGNORE' if $then eq 'deaf';
sleep 1000 while 1;
