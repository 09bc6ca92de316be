/** Node cannot access extended attributes. Requests and responses are single lines of words, in the same order. */
export const metadataProgram = String.raw`
use strict;
my ($list_call, $get_call, $set_call, $remove_call, $most_bytes, $most_names, $all_bytes, $all_names) = map { $_ + 0 } @ARGV;
my ($ENOENT, $EIO, $ENODATA, $ENOTSUP) = (2, 5, 61, 95);
my $prefix = "user.e2b.";
my $room = 65536; # no value and no list of names is longer

sub checked { $_[0] < 0 ? die(($! + 0) . "\n") : $_[0] }

sub names {
    my ($path) = @_;
    my $list = "\0" x $room;
    my $size = checked(syscall($list_call, $path, $list, $room));
    return sort grep { index($_, $prefix) == 0 && $_ ne $prefix } split /\0/, substr($list, 0, $size);
}

sub get {
    my ($path, $name) = @_;
    my $value = "\0" x $room;
    my $size = checked(syscall($get_call, $path, $name, $value, $room));
    return substr($value, 0, $size);
}

sub set { my ($path, $name, $value) = @_; checked(syscall($set_call, $path, $name, $value, length $value, 0)) }

sub is_text { my ($bytes) = @_; return utf8::decode($bytes) }

# Attributes that a program set itself count too, as far as they are text and as short as the server's own.
sub read_one {
    my ($path) = @_;
    my ($size, @found) = (0);
    eval {
        for my $name (names($path)) {
            my ($key, $value) = (substr($name, length $prefix), eval { get($path, $name) });
            next unless defined $value && is_text($key) && is_text($value);
            $size += length($key) + length($value);
            last if $size > $most_bytes || @found >= 2 * $most_names;
            push @found, $key, $value;
        }
    };
    return ($size < $most_bytes ? $size : $most_bytes, @found);
}

sub read_all {
    my ($bytes_left, $names_left, @answer) = ($all_bytes, $all_names);
    for my $path (@_) {
        my ($size, @found) = read_one($path);
        $bytes_left -= $size;
        $names_left -= @found / 2;
        return "full" if $bytes_left < 0 || $names_left < 0;
        push @answer, join(",", map { ":" . unpack("H*", $_) } @found) || "none";
    }
    return join " ", "found", @answer;
}

sub clear {
    my ($path) = @_;
    my %kept;
    eval {
        for my $name (names($path)) {
            $kept{$name} = get($path, $name);
            checked(syscall($remove_call, $path, $name));
        }
        1;
    } or $@ == $ENOTSUP || $@ == $ENODATA || die $@;
    return %kept;
}

sub write_one {
    my ($path, %metadata) = @_;
    my %kept = clear($path);
    return if eval { set($path, $prefix . $_, $metadata{$_}) for sort keys %metadata; 1 };
    my $failed = $@;
    clear($path);
    set($path, $_, $kept{$_}) for keys %kept;
    die $failed;
}

# The metadata of a file, or of all files below a folder, onto their copies.
sub copy {
    my ($source, $target) = @_;
    my @below = ("");
    while (@below) {
        my $at = pop @below;
        my $path = $source . $at;
        next if length $at && -l $path;
        if (-d $path) {
            opendir(my $folder, $path) or next;
            push @below, map { "$at/$_" } grep { $_ ne "." && $_ ne ".." } readdir $folder;
            next;
        }
        my ($size, @found) = -l $path ? () : read_one($path);
        next unless @found;
        eval { write_one($target . $at, @found); 1 } or $@ == $ENOTSUP || die $@;
    }
}

$| = 1;
while (my $line = <STDIN>) {
    chomp $line;
    my ($what, @words) = split / /, $line;
    @words = map { pack "H*", substr($_, 1) } @words;
    my $answer = eval {
        die "$ENOENT\n" if $what ne "write" && grep { index($_, "\0") >= 0 } @words;
        die "$ENOENT\n" if index($words[0], "\0") >= 0;
        return read_all(@words) if $what eq "read";
        $what eq "write" ? write_one(@words) : copy(@words);
        return "done";
    };
    print defined $answer ? $answer : "failed " . ($@ =~ /^(\d+)$/ ? $1 : $EIO), "\n";
}
`;
