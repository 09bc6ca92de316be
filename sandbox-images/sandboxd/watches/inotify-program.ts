/** Unlike Node's watcher, reports each change's kind and both names of a move. */
export const inotifyProgram = String.raw`
use strict;
my ($init_call, $add_call, $remove_call, $most) = map { $_ + 0 } @ARGV;
my ($MODIFY, $ATTRIB, $FROM, $TO, $CREATE, $DELETE) = (0x2, 0x4, 0x40, 0x80, 0x100, 0x200);
my ($DELETE_SELF, $OVERFLOW, $IGNORED, $ISDIR, $ONLYDIR) = (0x400, 0x4000, 0x8000, 0x40000000, 0x1000000);
my $EVENTS = $MODIFY | $ATTRIB | $FROM | $TO | $CREATE | $DELETE | $DELETE_SELF | $ONLYDIR;
my @KINDS = ([$CREATE | $TO, "create"], [$MODIFY, "write"], [$DELETE, "remove"], [$FROM, "rename"], [$ATTRIB, "chmod"]);
my ($CLOEXEC, $FIONREAD, $ENOSPC, $EIO) = (0x80000, 0x541B, 28, 5);
my $fd = syscall($init_call, $CLOEXEC);
exit 3 if $fd < 0;
open(my $queue, "<&=", $fd) or exit 3;
my %places; # watch descriptor -> "id\0folder relative to the watched one" -> names that a scan reported
my %watches; # id -> [root, recursive, its watch descriptors]
my %moved; # cookie of a move -> the folders that it took away, each with its id
my %arriving; # cookie of a move -> what a file that the daemon wrote whole is reported as
my $out = "";

# The daemon's own file, hidden until it is whole. Programs do not see it come and go.
sub is_staged { $_[0] =~ /\A\.corral-[0-9a-f]{12}(?:\.new)?\.tmp\z/ }
sub is_new { $_[0] =~ /\.new\.tmp\z/ }

sub say_line { $out .= join(" ", @_) . "\n" }
sub report { my ($id, $kind, $path) = @_; say_line($id, $kind, ":" . unpack("H*", $path)) }
sub joined { my ($folder, $name) = @_; return $folder eq "" ? $name : "$folder/$name" }
sub is_in { my ($path, $folder) = @_; return $path eq $folder || index($path, "$folder/") == 0 }
sub is_full { $@ =~ /^(\d+)$/ && $1 == $ENOSPC }

# Dies with the system's number. $reports: report what is in the folder already.
sub add {
    my ($id, $folder, $reports) = @_;
    my ($root, $recursive, $own) = @{ $watches{$id} };
    die "$ENOSPC\n" if keys %places >= $most;
    my $at = joined($root, $folder);
    my $wd = syscall($add_call, $fd, $at, $EVENTS);
    die(($! + 0) . "\n") if $wd < 0;
    $own->{$wd} = 1;
    my $reported = $places{$wd}{"$id\0$folder"} ||= {};
    return unless $recursive || $reports;
    opendir(my $entries, $at) or return;
    my @names = grep { $_ ne "." && $_ ne ".." && !is_staged($_) } readdir $entries;
    closedir $entries;
    for my $name (@names) {
        my $path = joined($folder, $name);
        my @stat = lstat "$at/$name";
        my ($is_file, $is_folder) = @stat ? (-f _, -d _) : ();
        if ($reports) {
            $reported->{$name} = 1;
            report($id, "create", $path);
            # It was written before its folder was watched, so the kernel tells nothing of it.
            report($id, "write", $path) if $is_file && $stat[7] > 0;
        }
        next unless $recursive && $is_folder;
        eval { add($id, $path, $reports); 1 } or is_full() && die $@;
    }
}

# Drops the watches of one id at and below a folder; undefined: all of them.
sub forget {
    my ($id, $below) = @_;
    my $own = $watches{$id}[2];
    for my $wd (keys %$own) {
        my $place = $places{$wd};
        for my $key (keys %$place) {
            my ($of, $folder) = split /\0/, $key, 2;
            delete $place->{$key} if $of eq $id && (!defined $below || is_in($folder, $below));
        }
        delete $own->{$wd} unless grep { index($_, "$id\0") == 0 } keys %$place;
        next if %$place;
        delete $places{$wd};
        syscall($remove_call, $fd, $wd + 0);
    }
}

# The watches of a folder and those below it stay through a move, so that nothing in it is missed.
sub follow {
    my ($id, $old, $new) = @_;
    for my $wd (keys %{ $watches{$id}[2] }) {
        my $place = $places{$wd};
        for my $key (keys %$place) {
            my ($of, $folder) = split /\0/, $key, 2;
            next unless $of eq $id && is_in($folder, $old);
            $place->{"$id\0$new" . substr($folder, length $old)} = delete $place->{$key};
        }
    }
}

sub obey {
    my ($what, $id, $path, $recursive) = @_;
    if ($what eq "sync") {
        drain();
        say_line($id, "synced");
        return;
    }
    if ($what eq "close") {
        forget($id) if $watches{$id};
        delete $watches{$id};
        return;
    }
    $watches{$id} = [pack("H*", substr($path, 1)), $recursive eq "recursive", {}];
    return say_line($id, "opened") if eval { add($id, ""); 1 };
    my $failed = $@ =~ /^(\d+)$/ ? $1 : $EIO;
    forget($id);
    delete $watches{$id};
    say_line($id, "failed", $failed);
}

sub event {
    my ($wd, $mask, $cookie, $name) = @_;
    if ($mask & $OVERFLOW) {
        report($_, "lost", "") for keys %watches;
        return;
    }
    if ($mask & $IGNORED) {
        for my $key (keys %{ delete $places{$wd} || {} }) {
            my ($id) = split /\0/, $key, 2;
            delete $watches{$id}[2]{$wd} if $watches{$id};
        }
        return;
    }
    if (is_staged($name)) {
        $arriving{$cookie} = is_new($name) ? ["create", "chmod", "write"] : ["write"] if $mask & $FROM;
        return;
    }
    my $arrived = $mask & $TO ? delete $arriving{$cookie} : undef;
    for my $key (keys %{ $places{$wd} || {} }) {
        my $reported = $places{$wd}{$key} or next;
        my ($id, $folder) = split /\0/, $key, 2;
        if ($mask & $DELETE_SELF) {
            report($id, "remove", ".") if $folder eq "";
            next;
        }
        next if $name eq "";
        my $path = joined($folder, $name);
        delete $reported->{$name} if $mask & ($DELETE | $FROM);
        if ($arrived) {
            for my $kind (@$arrived) {
                report($id, $kind, $path) unless $kind eq "create" && $reported->{$name};
            }
            delete $reported->{$name};
            next;
        }
        next if $mask & $CREATE && delete $reported->{$name};
        for my $known (@KINDS) {
            report($id, $known->[1], $path) if $mask & $known->[0];
        }
        next unless $mask & $ISDIR && $watches{$id}[1];
        my ($before) = grep { $_->[0] eq $id } @{ $moved{$cookie} || [] };
        if ($mask & $FROM) {
            push @{ $moved{$cookie} }, [$id, $path];
        } elsif ($mask & $TO && $before) {
            $moved{$cookie} = [grep { $_ != $before } @{ $moved{$cookie} }];
            follow($id, $before->[1], $path);
        } elsif ($mask & ($CREATE | $TO)) {
            eval { add($id, $path, $mask & $CREATE); 1 } or is_full() && report($id, "lost", "");
        }
    }
}

# Tells what the kernel has queued by now. A system call returns after its event is queued.
sub drain {
    my $queued = pack "i", 0;
    ioctl($queue, $FIONREAD, $queued);
    my $size = unpack "i", $queued;
    return if $size == 0;
    sysread($queue, my $data, $size);
    for (my $at = 0; $at < length $data;) {
        my ($wd, $mask, $cookie, $length) = unpack "i I I I", substr($data, $at, 16);
        my $name = substr $data, $at + 16, $length;
        $name =~ s/\0+\z//;
        $at += 16 + $length;
        event($wd, $mask, $cookie, $name);
    }
    for my $left (map { @$_ } values %moved) {
        forget(@$left) if $watches{ $left->[0] }; # it left for a folder that is not watched
    }
    %moved = ();
}

$| = 1;
my $held = "";
my $both = "";
vec($both, $_, 1) = 1 for 0, $fd;
while (1) {
    next if select(my $ready = $both, undef, undef, undef) < 0;
    drain() if vec($ready, $fd, 1);
    if (vec($ready, 0, 1)) {
        sysread(STDIN, $held, 65536, length $held) or exit 0;
        obey(split / /, $1) while $held =~ s/\A([^\n]*)\n//;
    }
    print $out;
    $out = "";
}
`;
