/**
 * A Python program that makes the system calls that a sandbox must not get, and prints each answer: `allowed`, or the
 * name of the error. A call that succeeds changes nothing.
 */
export const hostileCalls = `
import ctypes, errno, json, os, platform, signal, socket
libc = ctypes.CDLL(None, use_errno=True)
arm = platform.machine() == 'aarch64'
numbers = {
  'add_key': (248, 217), 'request_key': (249, 218), 'keyctl': (250, 219), 'unshare': (272, 97), 'setns': (308, 268),
  'clone': (56, 220), 'clone3': (435, 435), 'mount': (165, 40), 'bpf': (321, 280), 'perf_event_open': (298, 241),
  'userfaultfd': (323, 282), 'io_uring_setup': (425, 425), 'open_by_handle_at': (304, 265), 'fsopen': (430, 430),
  'open_tree': (428, 428), 'kexec_load': (246, 104), 'init_module': (175, 105), 'pidfd_getfd': (438, 438),
  'personality': (135, 92), 'getpid': (39, 172), 'future': (999, 999),
}
def call(name, *args):
    ctypes.set_errno(0)
    number = numbers[name][1 if arm else 0]
    result = libc.syscall(ctypes.c_long(number), *[a if isinstance(a, bytes) else ctypes.c_long(a) for a in args])
    return 'allowed' if result != -1 else errno.errorcode[ctypes.get_errno()]
def alone(tried):
    """In a child, for what changes whoever calls it, or ends it."""
    out, into = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(into, tried().encode())
        os._exit(0)
    os.close(into)
    output = os.read(out, 100).decode()
    status = os.waitpid(pid, 0)[1]
    return output or 'killed by ' + signal.Signals(os.WTERMSIG(status)).name
def dialled(family):
    try:
        socket.socket(family, {38: 5, 16: 3}.get(family, socket.SOCK_STREAM), 0).close()
        return 'allowed'
    except OSError as error:
        return errno.errorcode[error.errno]
NEWUSER = 0x10000000
def forked(flags):
    ctypes.set_errno(0)
    pid = libc.syscall(ctypes.c_long(numbers['clone'][1 if arm else 0]), ctypes.c_long(flags | 17), *[ctypes.c_long(0)] * 4)
    if pid == 0: os._exit(0)
    if pid > 0: os.waitpid(pid, 0)
    return 'allowed' if pid > 0 else errno.errorcode[ctypes.get_errno()]
def old():
    """getpid by the gate of 32-bit programs, whose calls have other numbers."""
    import mmap
    page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(bytes([0xb8, 20, 0, 0, 0, 0xcd, 0x80, 0xc3]))
    made = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))
    return 'allowed' if made() > 0 else 'refused'
tried = {
  'add_key': call('add_key', b'user', b'corral', b'x', 1, -3),
  'request_key': call('request_key', b'user', b'corral', 0, 0),
  'keyctl': call('keyctl', 0, -4, 0),
  'vsock': dialled(40), 'alg': dialled(38), 'packet': dialled(17),
  'unix': dialled(1), 'inet': dialled(2), 'netlink': dialled(16),
  'unshare user': alone(lambda: call('unshare', NEWUSER)),
  'unshare time': alone(lambda: call('unshare', 0x80)),
  'clone user': forked(NEWUSER), 'clone': forked(0), 'clone3': call('clone3', 0, 0),
  'setns': call('setns', -1, 0), 'mount': call('mount', 0, 0, 0, 0, 0), 'fsopen': call('fsopen', 0, 0),
  'open_tree': call('open_tree', -1, 0, 0), 'bpf': call('bpf', 0, 0, 0),
  'perf_event_open': call('perf_event_open', 0, 0, -1, -1, 0), 'userfaultfd': call('userfaultfd', 1),
  'io_uring_setup': call('io_uring_setup', 1, 0), 'open_by_handle_at': call('open_by_handle_at', -1, 0, 0),
  'kexec_load': call('kexec_load', 0, 0, 0, 0), 'init_module': call('init_module', 0, 0, 0),
  'pidfd_getfd': call('pidfd_getfd', -1, 0, 0), 'personality': call('personality', 0x0400000),
  'getpid': call('getpid'), 'future': call('future'),
}
if not arm:
    tried['getpid of x32'] = alone(lambda: 'allowed' if libc.syscall(ctypes.c_long(0x40000000 + 39)) > 0 else 'refused')
    tried['getpid of 32 bits'] = alone(old)
print(json.dumps(tried))
`;

const refused = [
  ...['add_key', 'request_key', 'keyctl', 'vsock', 'alg', 'packet', 'unshare user', 'unshare time', 'clone user'],
  ...['setns', 'mount', 'fsopen', 'open_tree', 'bpf', 'perf_event_open', 'userfaultfd', 'io_uring_setup'],
  ...['open_by_handle_at', 'kexec_load', 'init_module', 'pidfd_getfd', 'personality'],
];
/** The expected answer of each call under our seccomp rules. */
export const refusedCalls: Readonly<Record<string, string>> = {
  ...Object.fromEntries(refused.map((name) => [name, 'EPERM'])),
  ...Object.fromEntries(['unix', 'inet', 'netlink', 'clone', 'getpid'].map((name) => [name, 'allowed'])),
  clone3: 'ENOSYS',
  future: 'ENOSYS',
};
