# Connects to a port on localhost and copies standard input and output. Run inside the sandbox' network namespace.
#
#   perl port-forward.pl PORT
#
# The first line on standard error is "connected", or says why not. IPv4 is tried first, then IPv6. The end of either side
# is passed on to the other. Needs nothing beyond Debian's perl-base.
use strict;
use warnings;
use Socket qw(:DEFAULT inet_pton pack_sockaddr_in6);

use constant READ_BYTES => 65536;

my ($port) = @ARGV;
$SIG{PIPE} = 'IGNORE';
my $socket = connect_to(AF_INET, pack_sockaddr_in($port, inet_aton('127.0.0.1')));
my $why = $!;
$socket ||= connect_to(AF_INET6, pack_sockaddr_in6($port, inet_pton(AF_INET6, '::1')));
die "$why\n" unless $socket;
print STDERR "connected\n";

my ($in_open, $out_open) = (1, 1);
while ($out_open) {
    my $ready = '';
    vec($ready, fileno $socket, 1) = 1;
    vec($ready, 0, 1) = 1 if $in_open;
    next if select($ready, undef, undef, undef) < 0;
    if (vec($ready, fileno $socket, 1)) {
        my $got = sysread($socket, my $data, READ_BYTES);
        next if !defined $got && $!{EINTR};
        if ($got) { exit 0 unless write_all(\*STDOUT, $data) }
        else      { $out_open = 0 }
    }
    if ($in_open && vec($ready, 0, 1)) {
        my $got = sysread(STDIN, my $data, READ_BYTES);
        next if !defined $got && $!{EINTR};
        unless ($got && write_all($socket, $data)) { $in_open = 0; shutdown($socket, 1) }
    }
}

sub connect_to {
    my ($family, $address) = @_;
    socket(my $handle, $family, SOCK_STREAM, 0) or return;
    return connect($handle, $address) ? $handle : undef;
}

sub write_all {
    my ($handle, $data) = @_;
    my $at = 0;
    while ($at < length $data) {
        my $wrote = syswrite($handle, $data, length($data) - $at, $at);
        if (defined $wrote) { $at += $wrote; next }
        return 0 unless $!{EINTR};
    }
    return 1;
}
