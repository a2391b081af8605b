# The attach bridge: Node can not open a SOCK_SEQPACKET socket, so this stands between it and conmon's.
#
#   perl attach-bridge.pl attach DIRECTORY            joins the streams of the container whose socket is DIRECTORY/attach
#   perl attach-bridge.pl terminal DIRECTORY          the same of a container that has a terminal
#   perl attach-bridge.pl exec DIRECTORY COMMAND...   starts COMMAND (conmon --exec --exec-attach) and joins its terminal
#
# Standard output carries frames: 4 bytes length (big endian), 1 byte stream, data. Streams: 2 = stdout, 3 = stderr (both
# conmon's own numbers), 0 = the streams are joined (the first frame, without data), 4 = the exec's process runs (without
# data), 1 = how the exec ended (the exit code, a space and a message). Standard input is sent as it comes. Its end is passed on,
# but not to a terminal: there it is no event, and conmon would let go of the terminal. Needs nothing beyond Debian's perl-base.
use strict;
use warnings;
use POSIX  ();
use Socket ();
use Fcntl  ();

use constant { PACKET_BYTES_MAX => 65536, INPUT_BYTES_MAX => 8192, MESSAGE_BYTES_MAX => 4096, STREAM_JOINED => 0, STREAM_END => 1, STREAM_RUNS => 4 };

my ($mode, $directory, @command) = @ARGV;
$SIG{PIPE} = 'IGNORE';
binmode STDIN;
binmode STDOUT;

my ($sync, $start, $conmon) = $mode eq 'exec' ? start_exec() : ();
my $socket = connect_attach();
frame(chr(STREAM_JOINED));
if ($start) { syswrite($start, "\n"); close $start }
my $told = '';
pump();
my $exit = $sync ? read_exit() : '0 ';
frame(chr(STREAM_END) . $exit);
waitpid($conmon, 0) if $conmon;
exit 0;

# conmon waits twice on its start pipe (to be put into a cgroup, and for us to have attached), and tells through the
# attach pipe that its socket is there.
sub start_exec {
    pipe(my $sync_r,   my $sync_w)   or die "cannot make a pipe: $!\n";
    pipe(my $start_r,  my $start_w)  or die "cannot make a pipe: $!\n";
    pipe(my $attach_r, my $attach_w) or die "cannot make a pipe: $!\n";
    my $pid = fork;
    die "cannot fork: $!\n" unless defined $pid;
    if ($pid == 0) {
        fcntl($_, Fcntl::F_SETFD(), 0) for $sync_w, $start_r, $attach_w;
        $ENV{_OCI_SYNCPIPE}   = fileno $sync_w;
        $ENV{_OCI_STARTPIPE}  = fileno $start_r;
        $ENV{_OCI_ATTACHPIPE} = fileno $attach_w;
        open(STDIN,  '<', '/dev/null');
        open(STDOUT, '>', '/dev/null');
        no warnings 'exec';
        exec { $command[0] } @command;
        print STDERR "cannot run $command[0]: $!\n";
        POSIX::_exit(127);
    }
    close $_ for $sync_w, $start_r, $attach_w;
    syswrite($start_w, "\n");
    my $ready = <$attach_r>;
    die "conmon ended before its attach socket was there\n" unless defined $ready;
    return ($sync_r, $start_w, $pid);
}

# Relative to its directory, so that a long path does not meet the 108 bytes of a socket's address.
sub connect_attach {
    chdir $directory or die "cannot enter $directory: $!\n";
    socket(my $handle, Socket::AF_UNIX(), Socket::SOCK_SEQPACKET(), 0) or die "cannot make a socket: $!\n";
    connect($handle, Socket::pack_sockaddr_un('attach')) or die "cannot connect to $directory/attach: $!\n";
    return $handle;
}

# Copies both ways until the container's side closes. conmon's first line on the sync pipe says that it has the terminal.
sub pump {
    my $open = 1;
    my $runs = !$sync;
    while (1) {
        my $ready = '';
        vec($ready, fileno $socket, 1) = 1;
        vec($ready, 0, 1) = 1 if $open;
        vec($ready, fileno $sync, 1) = 1 unless $runs;
        next if select($ready, undef, undef, undef) < 0;
        if (!$runs && vec($ready, fileno $sync, 1)) {
            $runs = !read_sync() || $told =~ /\n/;
            frame(chr(STREAM_RUNS)) if $runs;
        }
        if (vec($ready, fileno $socket, 1)) {
            my $got = sysread($socket, my $packet, PACKET_BYTES_MAX);
            return unless $got || (!defined $got && $!{EINTR});
            frame($packet) if $got;
        }
        if ($open && vec($ready, 0, 1)) {
            my $got = sysread(STDIN, my $data, INPUT_BYTES_MAX);
            next if !defined $got && $!{EINTR};
            if ($got) { defined syswrite($socket, $data) or $open = 0 }
            else      { $open = 0; shutdown($socket, 1) if $mode eq 'attach' }
        }
    }
}

sub frame {
    my ($body) = @_;
    my $data = pack('N', length $body) . $body;
    my $at = 0;
    while ($at < length $data) {
        my $wrote = syswrite(STDOUT, $data, length($data) - $at, $at);
        if (defined $wrote) { $at += $wrote; next }
        exit 0 unless $!{EINTR};
    }
}

# More of what conmon tells; false at its end.
sub read_sync {
    my $got = sysread($sync, $told, MESSAGE_BYTES_MAX, length $told);
    return $got || (!defined $got && $!{EINTR});
}

# The lines of the sync pipe: first the pid (or a failure), last the exit code. Why a process could not be run stands in
# crun's log: with a terminal, conmon does not tell.
sub read_exit {
    1 while read_sync();
    my $code = -1;
    $code = $1 while $told =~ /"data"\s*:\s*(-?\d+)/g;
    my $message = '';
    if ($code < 0 && open(my $log, '<', 'crun.log')) { read($log, $message, MESSAGE_BYTES_MAX) }
    return "$code $message";
}
