"""Runs a program on a terminal of its own: on-terminal.py '<steps>' program arguments…

Each step waits for `expect` in the output since the last step, then resizes to `resize` (columns, rows) and types `send`.
Prints the whole output, and exits with the program's exit code, or with 99 and the reason when an expectation fails.
"""
import fcntl, json, os, pty, re, select, struct, sys, termios, time

steps, argv = json.loads(sys.argv[1]), sys.argv[2:]
pid, fd = pty.fork()
if pid == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))  # a new terminal has no size at all
    os.execvp(argv[0], argv)


def resize(cols, rows):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))


def read(until):
    """Reads for as long as there is output, at most until that time. False at the end."""
    global text
    ready, _, _ = select.select([fd], [], [], max(0, min(0.2, until - time.time())))
    if not ready:
        return True
    try:
        piece = os.read(fd, 65536)
    except OSError:
        return False
    text += piece.decode("utf-8", "replace")
    return piece != b""


text, seen = "", 0
for step in steps:
    until = time.time() + step.get("seconds", 120)
    while True:
        found = re.search(step.get("expect", ""), text[seen:])
        if found:
            seen += found.end()
            break
        if not read(until) or time.time() > until:
            print(text)
            print(f"\non-terminal.py: {step.get('expect')!r} did not come")
            os.kill(pid, 9)
            sys.exit(99)
    if "resize" in step:
        resize(*step["resize"])
    os.write(fd, step.get("send", "").encode())
until = time.time() + 60
while read(until) and time.time() < until:
    pass
print(text)
_, status = os.waitpid(pid, 0)
sys.exit(os.waitstatus_to_exitcode(status))
