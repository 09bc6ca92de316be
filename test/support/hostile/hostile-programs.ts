// Programs that try to take more than their share. Each has its own upper bound, so that it does not exhaust the
// machine where a limit is missing. All are Python, which calls the kernel directly.

const python = (code: string) => `python3 - <<'END'\n${code}\nEND`;

/** Forks children that sleep, until a fork fails, and prints how many it made and the error. */
export const forks = (most: number) =>
  python(`
import errno, os, signal
made, why = [], 'the bound of the test'
for _ in range(${most}):
    try: pid = os.fork()
    except OSError as error:
        why = errno.errorcode[error.errno]
        break
    if pid == 0:
        signal.alarm(20)
        signal.pause()
        os._exit(0)
    made.append(pid)
for pid in made: os.kill(pid, signal.SIGKILL)
print(len(made), why)`);

/** Fills memory in several processes at once, and prints how much each process got. */
export const memoryHog = (mebibytes: number, processes = 1) =>
  python(`
import os, sys, time
children = []
for _ in range(${processes}):
    pid = os.fork()
    if pid == 0:
        held = []
        try:
            for _ in range(${mebibytes} // 16): held.append(bytearray(os.urandom(4096) * 4096))
        except MemoryError:
            os._exit(9)
        time.sleep(3 if ${processes} > 1 else 0)
        os._exit(0)
    children.append(pid)
ends = [os.waitpid(pid, 0)[1] for pid in children]
names = {0: 'all', 9 << 8: 'refused', 9: 'killed'}
print(*[names.get(end, end) for end in ends])`);

/** Takes every inotify instance it can get, prints how many, and keeps them for a while. */
export const inotifyHog = python(`
import ctypes, os, time
libc, count = ctypes.CDLL(None, use_errno=True), 0
while count < 4000 and libc.inotify_init() >= 0: count += 1
print(count, flush=True)
time.sleep(60)`);

export const oneInotify = python(`
import ctypes
print('refused' if ctypes.CDLL(None).inotify_init() < 0 else 'allowed')`);

/** Reserves memory in one call, and touches none of it. */
export const reservation = (mebibytes: number) =>
  python(`
import mmap
try:
    mmap.mmap(-1, ${mebibytes} << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    print('allowed')
except OSError: print('refused')`);
