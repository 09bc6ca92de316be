"""Searches for texts by their SHA-256 in everything that a sandbox's user can read or get hold of."""
import ctypes, hashlib, json, os, re, signal, socket, sys, time

digests = set(sys.argv[1:])
found, tried = {}, {}
pattern = re.compile(rb'[A-Za-z0-9_-]{16,128}')
libc = ctypes.CDLL(None, use_errno=True)
until = time.monotonic() + 60


def judge(where, data):
    for word in set(pattern.findall(data)):
        digest = hashlib.sha256(word).hexdigest()
        if digest in digests and word != digest.encode():
            found.setdefault(digest, []).append(where)


def count(what, worked):
    tally = tried.setdefault(what, [0, 0])
    tally[0 if worked else 1] += 1


def look(path, what, most=8 << 20):
    try:
        with open(path, 'rb') as file:
            judge(path, file.read(most))
        count(what, True)
    except OSError:
        count(what, False)


def memory(pid):
    try:
        maps = open(f'/proc/{pid}/maps').read().splitlines()
        mem = open(f'/proc/{pid}/mem', 'rb', 0)
    except OSError:
        count('memory', False)
        return
    count('memory', True)
    with mem:
        for line in maps:
            span, rights = line.split()[:2]
            start, end = (int(it, 16) for it in span.split('-'))
            if not rights.startswith('rw') or end - start > 64 << 20 or time.monotonic() > until:
                continue
            try:
                mem.seek(start)
                judge(f'/proc/{pid}/mem', mem.read(end - start))
            except (OSError, ValueError, OverflowError):
                pass


def sweep(pids):
    for pid in pids:
        for name in ('environ', 'cmdline', 'auxv', 'status', 'stack'):
            look(f'/proc/{pid}/{name}', name)
        try:
            numbers = os.listdir(f'/proc/{pid}/fd')
            count('fd', True)
        except OSError:
            numbers = []
            count('fd', False)
        for number in numbers:
            path = f'/proc/{pid}/fd/{number}'
            if re.match(r'/(?!dev|proc)', os.path.realpath(path)) and os.path.isfile(path):
                look(path, 'open files')
        memory(pid)


def others():
    return [int(it) for it in os.listdir('/proc') if it.isdigit() and int(it) != os.getpid()]


def daemon():
    for pid in others():
        try:
            line = open(f'/proc/{pid}/cmdline', 'rb').read().split(b'\0')
        except OSError:
            continue
        if any(it.endswith(b'sandboxd.mjs') for it in line) and not any(it.endswith(b'init.sh') for it in line):
            return pid


def trace(pid):
    count('trace', libc.ptrace(16, pid, 0, 0) == 0)  # PTRACE_ATTACH
    libc.ptrace(17, pid, 0, 0)
    buffer = ctypes.create_string_buffer(64)
    local = (ctypes.c_size_t * 2)(ctypes.addressof(buffer), 64)
    remote = (ctypes.c_size_t * 2)(0x1000, 64)
    libc.process_vm_readv(pid, local, 1, remote, 1, 0)
    count('read another memory', ctypes.get_errno() == 14)  # EFAULT: it may, and there is nothing; EPERM: it may not


def debugger(pid):
    os.kill(pid, signal.SIGUSR1)
    time.sleep(1)
    probe = socket.socket()
    count('debugger', probe.connect_ex(('127.0.0.1', 9229)) == 0)


first = daemon()
sweep(others())
trace(first)
trace(1)
debugger(first)
assert os.path.exists(f'/proc/{first}'), 'the daemon did not survive the signal'
for top in ('/run', '/tmp', '/home', '/workspace', '/etc', '/opt', '/var/tmp', '/dev/shm'):
    for folder, _, names in os.walk(top):
        for name in names[:500]:
            path = os.path.join(folder, name)
            if os.path.isfile(path):
                look(path, 'files', 1 << 20)
        if time.monotonic() > until:
            break
# A new daemon receives the token again.
os.kill(first, signal.SIGKILL)
race = time.monotonic() + 5
while time.monotonic() < race:
    for pid in others():
        look(f'/proc/{pid}/environ', 'environ while starting')
        for number in (0, 3):
            try:
                handle = os.open(f'/proc/{pid}/fd/{number}', os.O_RDONLY | os.O_NONBLOCK)
                count('pipes while starting', True)
                judge('pipe', os.read(handle, 4096))
                os.close(handle)
            except OSError:
                count('pipes while starting', False)
    if daemon() not in (None, first) and libc.ptrace(16, daemon(), 0, 0) == 0:
        count('trace', True)
sweep([pid for pid in (1, daemon()) if pid])
# Whoever dials without it is sent away.
answers = []
for token in ['', 'sha256:' + sorted(digests)[0]]:
    way = socket.socket(socket.AF_UNIX)
    way.settimeout(10)
    way.connect('/run/corral/control')
    way.sendall(json.dumps({'corral': 1, 'version': 'x', 'boot': 'x', 'token': token}).encode() + b'\n')
    answers.append(way.recv(200).decode()[:2])
print('REPORT ' + json.dumps({'found': found, 'tried': tried, 'answers': answers}))
