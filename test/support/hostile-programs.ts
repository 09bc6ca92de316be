// Programs that try to take more than their share. Each has bounds of its own, so that none takes the machine down where
// a wall is missing. All are Python, which asks the kernel directly.

const python = (code: string) => `python3 - <<'END'\n${code}\nEND`;

/** Makes children that sleep until it cannot, and prints how many there were and why it ended. */
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

/** Takes memory and touches it, in so many processes at once, and prints what each got. */
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

/** Takes every inotify instance it can get, says how many, and keeps them for a while. */
export const inotifyHog = python(`
import ctypes, os, time
libc, count = ctypes.CDLL(None, use_errno=True), 0
while count < 4000 and libc.inotify_init() >= 0: count += 1
print(count, flush=True)
time.sleep(60)`);

export const oneInotify = python(`
import ctypes
print('refused' if ctypes.CDLL(None).inotify_init() < 0 else 'allowed')`);

/** Asks for memory at once, and touches none of it. */
export const reservation = (mebibytes: number) =>
  python(`
import mmap
try:
    mmap.mmap(-1, ${mebibytes} << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    print('allowed')
except OSError: print('refused')`);
