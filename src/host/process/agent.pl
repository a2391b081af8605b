# The agent: makes the system calls that Node lacks and starts short-lived programs. See agent.ts for the other end.
#
# Requests come on standard input, replies go to standard output, each as a frame: 4 bytes length (big endian), then
# fields, each 4 bytes length and bytes. A request is (id, verb, ...); a reply is (id, "ok", ...) or
# (id, "failed", stage, errno, subject), and ("", "ended", pid) for a process that was asked to be watched. Nothing else is kept between requests. At the end of its input the agent kills what has
# not ended, so that nothing goes on behind the back of the next daemon's recovery, and exits; what has left into a session
# of its own, as conmon does, lives on. Needs nothing beyond Debian's perl-base.
#
# "perl agent.pl enter NETNS PROGRAM ARGS..." enters a network namespace and becomes PROGRAM.
use strict;
use warnings;
use POSIX  ();
use Socket ();
use Fcntl  ();

use constant {
    CLONE_NEWNS  => 0x00020000,
    CLONE_NEWUTS => 0x04000000,
    CLONE_NEWIPC => 0x08000000,
    CLONE_NEWUSER => 0x10000000,
    CLONE_NEWNET => 0x40000000,
    MS_BIND      => 0x1000,
    MS_REC       => 0x4000,
    MS_PRIVATE   => 1 << 18,
    AT_FDCWD        => -100,
    AT_EMPTY_PATH   => 0x1000,
    AT_RECURSIVE    => 0x8000,
    OPEN_TREE_CLONE_CLOEXEC => 1 | 02000000,
    MOVE_MOUNT_F_EMPTY_PATH => 4,
    MOUNT_ATTR_IDMAP        => 0x00100000,
    MNT_DETACH_NOFOLLOW => 2 | 8,
    MFD_CLOEXEC_SEALING => 1 | 2,
    F_ADD_SEALS     => 1033,
    SEALS_ALL       => 1 | 2 | 4 | 8,
    SFD_CLOEXEC_NONBLOCK => 02000000 | 04000,
    SIOCGIFFLAGS    => 0x8913,
    SIOCSIFFLAGS    => 0x8914,
    IFF_UP          => 1,
    OUTPUT_BYTES_MAX => 1024 * 1024,
    SYNC_BYTES_MAX   => 64 * 1024,
    SUBJECT_BYTES_MAX => 2000,
    READ_BYTES       => 65536,
    CLOSE_RANGE_CLOEXEC => 4,
    EPOLL_CLOEXEC    => 02000000,
    EPOLL_CTL_ADD    => 1,
    EPOLL_CTL_DEL    => 2,
    EPOLLIN          => 1,
    ENDS_AT_ONCE     => 64,
    DRAIN_READS_MAX  => 64,
    DEFAULT_PATH     => '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
};

# System call numbers by machine; aarch64 and riscv64 share the generic table, and newer calls have one number on all.
my @newer = (
    close_range => 436, pidfd_open => 434, open_tree => 428, move_mount => 429, mount_setattr => 442,
);
my @generic = (
    @newer,
    mount => 40, umount2 => 39, unshare => 97, setns => 268, sethostname => 161, signalfd4 => 74, memfd_create => 279,
    execve => 221, epoll_create1 => 20, epoll_ctl => 21, epoll_pwait => 22,
);
my %TABLE = (
    x86_64 => {
        @newer,
        mount => 165, umount2 => 166, unshare => 272, setns => 308, sethostname => 170, signalfd4 => 289, memfd_create => 319,
        execve => 59, epoll_create1 => 291, epoll_ctl => 233, epoll_pwait => 281,
    },
    aarch64 => {@generic},
    riscv64 => {@generic},
);
my $machine = (POSIX::uname())[4];
my $SYS = $TABLE{$machine} or die "no system call table for $machine\n";
# The user namespace is made on its own, before those that it is to own.
my %CLONE = (net => CLONE_NEWNET, ipc => CLONE_NEWIPC, uts => CLONE_NEWUTS, user => 0);

my (%jobs, %by_id, %readers, $read_set, $in, $failures_r, $failures_w, $chld, $null);
$read_set = $in = '';

sub serve {
    close_on_exec_all();
    chdir '/';
    umask 022;
    open($null, '+<', '/dev/null') or die "cannot open /dev/null: $!\n";
    pipe($failures_r, $failures_w) or die "cannot make a pipe: $!\n";
    nonblocking($failures_r);
    # A signalfd, and not a handler: a handler can come just before select() sleeps, and be seen only after it.
    $SIG{FPE} = 'DEFAULT';    # Perl ignores it, which a program would inherit
    # The others are blocked, not ignored, since one call then gives a child all its signals back.
    my @blocked = (POSIX::SIGCHLD(), POSIX::SIGPIPE(), POSIX::SIGINT(), POSIX::SIGHUP(), POSIX::SIGQUIT(), POSIX::SIGTERM());
    POSIX::sigprocmask(POSIX::SIG_BLOCK(), POSIX::SigSet->new(@blocked));
    my $mask = pack('Q', 1 << (POSIX::SIGCHLD() - 1));
    my $fd = syscall($SYS->{signalfd4}, -1, $mask, 8, SFD_CLOEXEC_NONBLOCK);
    die "cannot make a signalfd: $!\n" if $fd < 0;
    open($chld, '<&=', $fd) or die "cannot open the signalfd: $!\n";
    watch(\*STDIN, \&read_requests);
    watch($chld, \&reap);
    while (1) {
        my $ready = $read_set;
        next if select($ready, undef, undef, undef) < 0;
        for my $fd (grep { vec($ready, $_, 1) } keys %readers) {
            my $reader = $readers{$fd} or next;    # an earlier reader of this round may have closed it
            $reader->[1]->($reader->[0]);
        }
    }
}

# --- frames ---------------------------------------------------------------------------------------------------------

sub read_requests {
    my $got = sysread(STDIN, $in, READ_BYTES, length $in);
    return if !defined $got && ($!{EINTR} || $!{EAGAIN});
    leave() unless $got;
    while (length $in >= 4) {
        my $length = unpack('N', $in);
        last if length $in < 4 + $length;
        my @fields = unpack('(N/a*)*', substr($in, 4, $length));
        substr($in, 0, 4 + $length) = '';
        request(@fields);
    }
}

sub leave {
    kill_job($_->{id}) for grep { !$_->{ended} } values %jobs;
    POSIX::_exit(0);
}

sub reply {
    my $body  = pack('(N/a*)*', @_);
    my $frame = pack('N', length $body) . $body;
    my $at    = 0;
    while ($at < length $frame) {
        my $wrote = syswrite(STDOUT, $frame, length($frame) - $at, $at);
        if (defined $wrote) { $at += $wrote; next }
        next if $!{EINTR};
        leave() unless $!{EAGAIN};
        my $wait = '';
        vec($wait, 1, 1) = 1;
        select(undef, $wait, undef, undef);
    }
}

my %VERBS = (
    run     => \&run,
    kill    => sub { kill_job($_[0]) },
    watch   => sub { watch_process($_[1]) },
    mount   => sub { my ($id, @steps) = @_; task($id, \&mount_steps, @steps) },
    mount_now => sub { my ($id, @steps) = @_; now($id, \&mount_steps, @steps) },
    overlay => sub { my ($id, @rest) = @_; now($id, \&mount_overlay, @rest) },
    overlay_idmapped => sub { my ($id, @rest) = @_; task($id, \&overlay_idmapped, @rest) },
    idmap   => sub { my ($id, @rest) = @_; task($id, \&idmap, @rest) },
    unmount => sub { my ($id, $target) = @_; now($id, \&unmount_all, $target) },
    unpin   => sub { my ($id, $path) = @_; now($id, \&unpin, $path) },
    pin     => sub { my ($id, @rest) = @_; task($id, \&pin, @rest) },
    send    => sub { my ($id, $path, $message) = @_; now($id, \&send_datagram, $path, $message) },
);

sub request {
    my ($id, $verb, @rest) = @_;
    my $handler = $VERBS{$verb} or return reply($id, 'failed', 'verb', 0 + POSIX::EINVAL(), $verb);
    $handler->($id, @rest);
}

# Runs a handler here and now; it dies with [stage, errno, subject] on failure.
sub now {
    my ($id, $handler, @rest) = @_;
    if (eval { $handler->(@rest); 1 }) { reply($id, 'ok') }
    else                               { reply($id, 'failed', failure_of($@)) }
}

# Runs a handler in a child of its own, because it changes what a process can not change back, or may take long.
sub task {
    my ($id, $handler, @rest) = @_;
    my $pid = fork;
    return reply($id, 'failed', 'fork', 0 + $!, '') unless defined $pid;
    if ($pid == 0) {
        POSIX::_exit(0) if eval { $handler->(@rest); 1 };
        report_failure(failure_of($@));
        POSIX::_exit(1);
    }
    $by_id{$id} = $jobs{$pid} = { id => $id, pid => $pid, task => 1 };
}

sub failure { my ($stage, $subject) = @_; die [$stage, 0 + $!, defined $subject ? $subject : ''] }

sub failure_of {
    my ($error) = @_;
    return ref $error ? @$error : ('agent', 0 + POSIX::EIO(), "$error");
}

# Tells the agent, from a child, why it ends. One write below PIPE_BUF: atomic.
sub report_failure {
    my ($stage, $errno, $subject) = @_;
    my $record = pack('n/a*', join("\0", $$, $stage, $errno, substr($subject, 0, SUBJECT_BYTES_MAX)));
    syswrite($failures_w, $record);
}

# --- programs -------------------------------------------------------------------------------------------------------

# (id, netns, cwd, sync variable, has stdin, stdin, number of arguments, arguments..., names and values of variables...)
sub run {
    my ($id, $netns, $cwd, $sync_env, $has_stdin, $stdin, $argc, @rest) = @_;
    my @argv = splice(@rest, 0, $argc);
    my $job = { id => $id, stdout => '', stderr => '', sync => '' };
    my ($out, $err, $sync_r, $sync_w);
    my $ok = eval {
        $job->{in} = $has_stdin ? memory_file($stdin) : $null;
        if ($sync_env ne '') {
            # The grandchild keeps its output for its whole life: a sealed memory file never blocks it and never grows.
            $out = $job->{out_file} = memory_file('');
            $err = $job->{err_file} = memory_file('');
            pipe($sync_r, $sync_w) or failure('pipe');
        } else {
            pipe($job->{out}, $out) or failure('pipe');
            pipe($job->{err}, $err) or failure('pipe');
        }
        1;
    };
    return reply($id, 'failed', failure_of($@)) unless $ok;
    # All that needs memory is made before the fork: a page that the child is first to write costs a fault.
    my %env = @rest;
    $env{$sync_env} = fileno $sync_w if $sync_w;
    my @env = map { "$_=$env{$_}" } keys %env;
    my @paths = index($argv[0], '/') >= 0 ? $argv[0] : map { "$_/$argv[0]" } split(/:/, $env{PATH} // DEFAULT_PATH);
    my ($argv, $envp) = (pack('p*', @argv, undef), pack('p*', @env, undef));
    my $pid = fork;
    return reply($id, 'failed', 'fork', 0 + $!, '') unless defined $pid;
    become($netns, $cwd, [$job->{in}, $out, $err], $sync_w, \@paths, $argv, $envp) if $pid == 0;
    delete $job->{in};
    $job->{pid} = $pid;
    $by_id{$id} = $jobs{$pid} = $job;
    if ($sync_r) {
        $job->{sync_r} = $sync_r;
        nonblocking($sync_r);
        watch($sync_r, sub { read_sync($job) });
        return;
    }
    for my $stream (['out', 'stdout'], ['err', 'stderr']) {
        my ($handle, $name) = ($job->{ $stream->[0] }, $stream->[1]);
        nonblocking($handle);
        watch($handle, sub { read_output($job, $stream->[0], $name) });
    }
}

# In the child: never returns.
sub become {
    my ($netns, $cwd, $streams, $sync_w, $paths, $argv, $envp) = @_;
    eval {
        POSIX::setsid();
        POSIX::dup2(fileno $streams->[$_], $_) for 0 .. 2;
        fcntl($sync_w, Fcntl::F_SETFD(), 0) if $sync_w;
        if ($netns ne '') { enter_netns($netns) or failure('netns', $netns) }
        if ($cwd ne '') { chdir $cwd or failure('cwd', $cwd) }
        POSIX::sigprocmask(POSIX::SIG_SETMASK(), POSIX::SigSet->new());
        my $errno = POSIX::ENOENT();
        for my $path (@$paths) {
            syscall($SYS->{execve}, $path, $argv, $envp);
            $errno = 0 + $! unless $!{ENOENT} || $!{ENOTDIR};
        }
        $! = $errno;
        failure('exec', $paths->[-1]);
    };
    report_failure(failure_of($@));
    POSIX::_exit(127);
}

sub read_output {
    my ($job, $key, $name) = @_;
    my $handle = $job->{$key} or return;
    for (1 .. DRAIN_READS_MAX) {    # a grandchild may write without end
        my $got = sysread($handle, my $data, READ_BYTES);
        next if !defined $got && $!{EINTR};
        return if !defined $got && $!{EAGAIN};
        return forget(delete $job->{$key}) unless $got;
        my $room = OUTPUT_BYTES_MAX - length $job->{$name};
        $job->{$name} .= substr($data, 0, $room) if $room > 0;
        return if $got < READ_BYTES && !$job->{ended};
    }
}

sub read_sync {
    my ($job) = @_;
    my $handle = $job->{sync_r} or return;
    my $got = sysread($handle, $job->{sync}, SYNC_BYTES_MAX, length $job->{sync});
    return if !defined $got && ($!{EINTR} || $!{EAGAIN});
    return if $got && index($job->{sync}, "\n") < 0 && length $job->{sync} < SYNC_BYTES_MAX;
    forget(delete $job->{sync_r});
    finish($job) if $job->{ended};
}

sub reap {
    my $ignored;
    1 while sysread($chld, $ignored, 128 * 64);
    while ((my $pid = waitpid(-1, POSIX::WNOHANG())) > 0) {
        my $status = $?;
        read_failures();
        my $job = delete $jobs{$pid} or next;
        $job->{ended} = 1;
        $job->{code} = ($status & 127) ? 128 + ($status & 127) : $status >> 8;
        finish($job) unless $job->{sync_r};
    }
}

sub read_failures {
    my $got = sysread($failures_r, my $data, READ_BYTES) or return;
    for my $record (unpack('(n/a*)*', $data)) {
        my ($pid, @failure) = split(/\0/, $record, 4);
        $jobs{$pid}{failure} = \@failure if $jobs{$pid};
    }
}

sub finish {
    my ($job) = @_;
    delete $by_id{ $job->{id} };
    if ($job->{failure} && !($job->{failure}[0] eq 'exec')) { forget_all($job); return reply($job->{id}, 'failed', @{ $job->{failure} }) }
    if ($job->{task}) { return reply($job->{id}, $job->{code} ? ('failed', 'killed', 0, $job->{code}) : 'ok') }
    if ($job->{out_file}) {
        $job->{stdout} = seal($job->{out_file});
        $job->{stderr} = seal($job->{err_file});
    } else {
        read_output($job, 'out', 'stdout');
        read_output($job, 'err', 'stderr');
    }
    forget_all($job);
    return reply($job->{id}, 'failed', @{ $job->{failure} }) if $job->{failure};
    $job->{sync} =~ s/\n.*//s;
    reply($job->{id}, 'ok', $job->{code}, $job->{stdout}, $job->{stderr}, $job->{sync});
}

sub forget_all {
    my ($job) = @_;
    for my $key (qw(out err sync_r)) { forget(delete $job->{$key}) if $job->{$key} }
}

# Kills what a call started, and its process group. What has already left into a session of its own lives on.
sub kill_job {
    my ($id) = @_;
    my $job = $by_id{$id} or return;
    if ($job->{ended}) { return finish($job) }
    kill('KILL', -$job->{pid}) unless $job->{task};
    kill('KILL', $job->{pid});
}

# --- ends of processes that are not ours ----------------------------------------------------------------------------

# struct epoll_event, which is packed on x86 alone
my $EPOLL_EVENT = $machine eq 'x86_64' ? 'L Q' : 'L x4 Q';
my ($ends, %watched);

# All pidfds are in one epoll, so that select() costs the same however many there are. What the kernel can not watch (older
# than 5.3, no descriptor left) is not: its end is found when somebody looks.
sub watch_process {
    my ($pid) = @_;
    my $fd = syscall($SYS->{pidfd_open}, $pid + 0, 0);
    if ($fd < 0) { reply('', 'ended', $pid) if $!{ESRCH}; return }
    if (!$ends) {
        my $epoll = syscall($SYS->{epoll_create1}, EPOLL_CLOEXEC);
        if ($epoll < 0 || !open($ends, '<&=', $epoll)) { POSIX::close($fd); undef $ends; return }
        watch($ends, \&tell_ends);
    }
    my $event = pack($EPOLL_EVENT, EPOLLIN, $fd);
    if (syscall($SYS->{epoll_ctl}, fileno $ends, EPOLL_CTL_ADD, $fd, $event) != 0) { POSIX::close($fd); return }
    $watched{$fd} = $pid;
}

sub tell_ends {
    my $size   = length pack($EPOLL_EVENT, 0, 0);
    my $events = "\0" x (ENDS_AT_ONCE * $size);
    my $count  = syscall($SYS->{epoll_pwait}, fileno $ends, $events, ENDS_AT_ONCE, 0, 0, 8);
    for my $i (0 .. $count - 1) {
        my (undef, $fd) = unpack($EPOLL_EVENT, substr($events, $i * $size, $size));
        my $pid = delete $watched{$fd};
        next unless defined $pid;
        # Taken out by hand: a child between fork and exec may hold the pidfd too, and closing ours would not.
        syscall($SYS->{epoll_ctl}, fileno $ends, EPOLL_CTL_DEL, $fd, $events);
        POSIX::close($fd);
        reply('', 'ended', $pid);
    }
}

# --- mounts ---------------------------------------------------------------------------------------------------------

# Steps of five fields: source, target, type, flags, data. When a later step fails, the first one is undone.
sub mount_steps {
    my @steps = @_;
    my $first = 1;
    while (@steps) {
        my ($source, $target, $type, $flags, $data) = splice(@steps, 0, 5);
        my $result = syscall($SYS->{mount}, $source, $target, $type, $flags + 0, $data eq '' ? 0 : $data);
        if ($result != 0) {
            my $errno = 0 + $!;
            syscall($SYS->{umount2}, $target, MNT_DETACH_NOFOLLOW) unless $first;
            die ['mount', $errno, $target];
        }
        $first = 0;
    }
}

# Mount data is limited to one page: with many lower directories, short links to them stand in a scratch directory.
sub mount_overlay {
    my ($target, $options, $scratch, @lower) = @_;
    my ($source, $type) = ('overlay', 'overlay');
    if ($scratch eq '') {
        my $data = 'lowerdir=' . join(':', @lower) . $options;
        syscall($SYS->{mount}, $source, $target, $type, 0, $data) == 0 or failure('mount', $target);
        return;
    }
    my $ok = eval {
        mkdir($scratch, 0700) or $!{EEXIST} or failure('mkdir', $scratch);
        chdir $scratch or failure('chdir', $scratch);
        for my $i (0 .. $#lower) {
            unlink $i;
            symlink($lower[$i], $i) or failure('symlink', "$scratch/$i");
        }
        my $data = 'lowerdir=' . join(':', 0 .. $#lower) . $options;
        syscall($SYS->{mount}, $source, $target, $type, 0, $data) == 0 or failure('mount', $target);
        1;
    };
    my $error = $@;
    chdir '/';
    unlink "$scratch/$_" for 0 .. $#lower;
    rmdir $scratch;
    die $error unless $ok;
}

# The same with lower directories whose owners are shifted. They are mounted where nobody else sees them, in a mount
# namespace of this child's own; of the whole only the overlay itself comes out of it.
sub overlay_idmapped {
    my ($target, $options, $userns, @lower) = @_;
    my ($none, $root, $tmpfs, $overlay, $merged) = ('none', '/', 'tmpfs', 'overlay', 'merged');
    open(my $outside, '<', '/proc/self/ns/mnt') or failure('open', 'mount namespace');
    syscall($SYS->{unshare}, CLONE_NEWNS) == 0 or failure('unshare', 'mnt');
    syscall($SYS->{mount}, $none, $root, $none, MS_REC | MS_PRIVATE, 0) == 0 or failure('mount', $root);
    syscall($SYS->{mount}, $tmpfs, $target, $tmpfs, 0, 0) == 0 or failure('mount', $target);
    chdir $target or failure('chdir', $target);
    for my $place (0 .. $#lower, $merged) { mkdir $place or failure('mkdir', $place) }
    for my $i (0 .. $#lower) { attach_tree(idmapped_tree($lower[$i], $userns, 0), "$i") }
    my $data = 'lowerdir=' . join(':', 0 .. $#lower) . $options;
    syscall($SYS->{mount}, $overlay, $merged, $overlay, 0, $data) == 0 or failure('mount', $target);
    my $tree = syscall($SYS->{open_tree}, AT_FDCWD, $merged, OPEN_TREE_CLONE_CLOEXEC);
    failure('open_tree', $target) if $tree < 0;
    syscall($SYS->{setns}, fileno $outside, CLONE_NEWNS) == 0 or failure('setns', 'mnt');
    attach_tree($tree, $target);
}

# Binds `source` on `target`, its owners shifted as in the user namespace at `userns`; what is mounted below comes along.
sub idmap {
    my ($source, $target, $userns) = @_;
    attach_tree(idmapped_tree($source, $userns, AT_RECURSIVE), $target);
}

# A copy of the mount at `source` that is attached nowhere.
sub idmapped_tree {
    my ($source, $userns, $recursive) = @_;
    open(my $ids, '<', $userns) or failure('open', $userns);
    my $tree = syscall($SYS->{open_tree}, AT_FDCWD, $source, OPEN_TREE_CLONE_CLOEXEC | $recursive);
    failure('open_tree', $source) if $tree < 0;
    my ($empty, $attributes) = ('', pack('Q4', MOUNT_ATTR_IDMAP, 0, 0, fileno $ids));
    syscall($SYS->{mount_setattr}, $tree, $empty, AT_EMPTY_PATH, $attributes, length $attributes) == 0
        or failure('idmap', $source);
    return $tree;
}

sub attach_tree {
    my ($tree, $target) = @_;
    my $empty = '';
    syscall($SYS->{move_mount}, $tree, $empty, AT_FDCWD, $target, MOVE_MOUNT_F_EMPTY_PATH) == 0
        or failure('move_mount', $target);
    POSIX::close($tree);
}

sub unmount_all {
    my ($target) = @_;
    1 while syscall($SYS->{umount2}, $target, MNT_DETACH_NOFOLLOW) == 0;
    return if $!{EINVAL} || $!{ENOENT} || $!{ENOTDIR};
    failure('umount', $target);
}

# --- namespaces -----------------------------------------------------------------------------------------------------

sub enter_netns {
    my ($path) = @_;
    open(my $handle, '<', $path) or return 0;
    return syscall($SYS->{setns}, fileno $handle, CLONE_NEWNET) == 0;
}

sub unpin {
    my ($path) = @_;
    unmount_all($path);
    return if unlink $path;
    failure('unlink', $path) unless $!{ENOENT} || $!{ENOTDIR};
}

# (hostname, uid map, gid map, number of kinds, kinds and paths..., sysctls and values...), in a child.
sub pin {
    my ($hostname, $uid_map, $gid_map, $kinds, @rest) = @_;
    my @pins = splice(@rest, 0, 2 * $kinds);
    my %path = @pins;
    my (@made, @bound);
    my $ok = eval {
        for my $kind (sort keys %path) {
            my $target = $path{$kind};
            if (is_namespace($target)) { $! = POSIX::EEXIST(); failure('pin', $target) }
            sysopen(my $file, $target, Fcntl::O_CREAT() | Fcntl::O_RDONLY(), 0600) or failure('create', $target);
            push @made, $target;
        }
        my ($owner, $leash) = ('self', undef);
        if ($path{user}) { ($owner, $leash) = new_owner($uid_map, $gid_map, \%path, $hostname, @rest) }
        else             { new_namespaces(\%path, $hostname, @rest) }
        for my $kind (sort keys %path) {
            my ($source, $target, $type) = ("/proc/$owner/ns/$kind", $path{$kind}, 'none');
            syscall($SYS->{mount}, $source, $target, $type, MS_BIND, 0) == 0 or failure('bind', $target);
            push @bound, $target;
        }
        1;
    };
    return if $ok;
    my $error = $@;
    syscall($SYS->{umount2}, $_, MNT_DETACH_NOFOLLOW) for @bound;
    unlink $_ for @made;
    die $error;
}

# Puts this process into new namespaces of the kinds of `path`, but the user namespace, and sets them up.
sub new_namespaces {
    my ($path, $hostname, @sysctls) = @_;
    my $flags = 0;
    $flags |= $CLONE{$_} for keys %$path;
    syscall($SYS->{unshare}, $flags) == 0 or failure('unshare', join(',', sort keys %$path));
    loopback_up() if $path->{net};
    if ($hostname ne '') {
        my $name = $hostname;
        syscall($SYS->{sethostname}, $name, length $name) == 0 or failure('hostname', $hostname);
    }
    while (@sysctls) { set_sysctl(splice(@sysctls, 0, 2)) }
}

# A process in a new user namespace that owns its other new namespaces: its pid, and the socket whose end lets it go.
sub new_owner {
    my ($uid_map, $gid_map, @rest) = @_;
    socketpair(my $ours, my $theirs, Socket::AF_UNIX(), Socket::SOCK_SEQPACKET(), 0) or failure('socketpair');
    my $pid = fork;
    failure('fork') unless defined $pid;
    if ($pid == 0) {
        close $ours;
        my $ok = eval {
            syscall($SYS->{unshare}, CLONE_NEWUSER) == 0 or failure('unshare', 'user');
            syswrite($theirs, 'ok');
            sysread($theirs, my $mapped, 1) or POSIX::_exit(1);
            POSIX::setgid(0) && POSIX::setuid(0) or failure('setuid', 'root of the user namespace');
            new_namespaces(@rest);
            1;
        };
        syswrite($theirs, $ok ? 'ok' : join("\0", failure_of($@)));
        sysread($theirs, my $end, 1);
        POSIX::_exit(0);
    }
    close $theirs;
    hear_of($ours);
    for my $map (['uid_map', $uid_map], ['gid_map', $gid_map]) {
        sysopen(my $file, "/proc/$pid/$map->[0]", Fcntl::O_WRONLY()) or failure('map', $map->[1]);
        defined syswrite($file, $map->[1]) or failure('map', $map->[1]);
    }
    syswrite($ours, '1');
    hear_of($ours);
    return ($pid, $ours);
}

# Dies as the process at the other end did, unless it says that all is well.
sub hear_of {
    my ($socket) = @_;
    my $got = sysread($socket, my $told, SUBJECT_BYTES_MAX + 100);
    return if $got && $told eq 'ok';
    die $got ? [split(/\0/, $told, 3)] : ['user', 0 + POSIX::ECHILD(), ''];
}

sub is_namespace {
    my ($path) = @_;
    my ($theirs, $ours) = ((stat $path)[0], (stat '/proc/self/ns/net')[0]);
    return defined $theirs && $theirs == $ours;
}

sub loopback_up {
    socket(my $socket, Socket::AF_INET(), Socket::SOCK_DGRAM(), 0) or failure('loopback', 'lo');
    my $request = pack('a16 x24', 'lo');
    ioctl($socket, SIOCGIFFLAGS, $request) or failure('loopback', 'lo');
    my $flags = unpack('x16 s', $request) | IFF_UP;
    $request = pack('a16 s x22', 'lo', $flags);
    ioctl($socket, SIOCSIFFLAGS, $request) or failure('loopback', 'lo');
}

# The name is a path below /proc/sys.
sub set_sysctl {
    my ($name, $value) = @_;
    sysopen(my $file, "/proc/sys/$name", Fcntl::O_WRONLY()) or failure('sysctl', $name);
    defined syswrite($file, $value) or failure('sysctl', $name);
}

# From the agent itself: who receives it may look up the sender's cgroup, which a child that has ended has none of.
sub send_datagram {
    my ($path, $message) = @_;
    my $address = $path;
    $address =~ s/^\@/\0/;
    socket(my $socket, Socket::AF_UNIX(), Socket::SOCK_DGRAM(), 0) or failure('socket', $path);
    defined send($socket, $message, 0, Socket::pack_sockaddr_un($address)) or failure('send', $path);
}

# --- files ----------------------------------------------------------------------------------------------------------

sub watch {
    my ($handle, $read) = @_;
    my $fd = fileno $handle;
    $readers{$fd} = [$handle, $read];
    vec($read_set, $fd, 1) = 1;
}

sub forget {
    my ($handle) = @_;
    my $fd = fileno $handle;
    delete $readers{$fd};
    vec($read_set, $fd, 1) = 0;
    close $handle;
}

sub nonblocking {
    my ($handle) = @_;
    fcntl($handle, Fcntl::F_SETFL(), fcntl($handle, Fcntl::F_GETFL(), 0) | Fcntl::O_NONBLOCK());
}

# An anonymous file that holds `content`, read from its start.
sub memory_file {
    my ($content) = @_;
    my $name = 'minke';
    my $fd = syscall($SYS->{memfd_create}, $name, MFD_CLOEXEC_SEALING);
    failure('memfd') if $fd < 0;
    open(my $file, '+<&=', $fd) or failure('memfd');
    my $at = 0;
    while ($at < length $content) {
        my $wrote = syswrite($file, $content, length($content) - $at, $at);
        failure('memfd') unless defined $wrote;
        $at += $wrote;
    }
    sysseek($file, 0, 0);
    return $file;
}

# Ends writing to a memory file for whoever still has it open, and returns what is in it.
sub seal {
    my ($file) = @_;
    fcntl($file, F_ADD_SEALS, SEALS_ALL);
    sysseek($file, 0, 0);
    my $content = '';
    1 while sysread($file, $content, READ_BYTES, length $content) && length $content < OUTPUT_BYTES_MAX;
    return substr($content, 0, OUTPUT_BYTES_MAX);
}

# Whatever was inherited must not reach the programs: conmon would hold it for the life of its container. Kernels before
# 5.11 lack the flag; there Node's own marking of what it inherited has to do.
sub close_on_exec_all {
    syscall($SYS->{close_range}, 3, 0xFFFFFFFF, CLOSE_RANGE_CLOEXEC);
}

if (@ARGV && $ARGV[0] eq 'enter') {
    my (undef, $netns, @argv) = @ARGV;
    enter_netns($netns) or die "cannot enter network namespace $netns: $!\n";
    no warnings 'exec';
    exec { $argv[0] } @argv;
    print STDERR "cannot run $argv[0]: $!\n";
    exit($!{ENOENT} ? 127 : 126);
}
serve();
