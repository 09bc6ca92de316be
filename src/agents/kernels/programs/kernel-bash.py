# The kernel of bash: one shell runs cells one after another and keeps its variables, functions and folder. Requests and
# messages are as in kernel.py. The shell writes to the program's own output; this program only passes cells on.
import json, os, selectors, signal, subprocess, sys

# Cells arrive on 8 and their exit codes leave on 9, each with a NUL at its end. An interrupt ends the commands that run;
# the DEBUG trap then returns from the cell instead of going on to its next command.
shell_loop = r"""
shopt -s extdebug
__corral_two() { return 2; }
__corral_cell() { eval "$__corral_code"; }
trap __corral_stop=1 INT
trap '[[ ${#FUNCNAME[@]} -eq 0 || -z $__corral_stop ]] || __corral_two' DEBUG
while IFS= read -r -d '' -u 8 __corral_before && IFS= read -r -d '' -u 8 __corral_code && IFS= read -r -d '' -u 8 __corral_after; do
  eval "$__corral_before"
  __corral_stop=
  __corral_cell </dev/null 8<&- 9>&-
  __corral_code=$?
  [[ -z $__corral_stop ]] || __corral_code=interrupted
  eval "$__corral_after"
  printf '%s\0' "$__corral_code" >&9
done
"""
nonce, count, running = "", 0, False
waiting = []


def emit(fd, message):
    left = f"\0corral:{nonce}:{json.dumps(message)}\n".encode()
    while left:
        left = left[os.write(fd, left) :]


def interrupt(*_):
    if running:
        os.killpg(shell.pid, signal.SIGINT)


def quoted(text):
    return "'" + text.replace("'", "'\\''") + "'"


def begin(request):
    global count, running
    count += 1
    running = True
    emit(1, {"type": "begin", "count": count})
    # Bash itself tells how each variable was, and takes the cell's value back.
    before = [f"__corral_{n}=$(declare -p {name} 2>/dev/null); export {name}={quoted(value)}" for n, (name, value) in enumerate(variables(request))]
    after = [f'unset {name}; eval "$__corral_{n}"; unset __corral_{n}' for n, (name, _) in enumerate(variables(request))]
    parts = "\n".join(before), request["code"].replace("\0", ""), "\n".join(after)
    left = b"".join(part.encode() + b"\0" for part in parts)
    while left:
        left = left[os.write(cells, left) :]


def variables(request):
    return [(name, value) for name, value in request.get("env", {}).items() if name.isidentifier() and name.isascii()]


def end(status):
    global running
    running = False
    report = {"type": "end", "count": count}
    emit(2, report)
    if status == "interrupted":
        report["error"] = {"name": "Interrupted", "value": "The cell was interrupted.", "traceback": "The cell was interrupted."}
    elif status != "0":
        report["error"] = {"name": "ExitStatus", "value": status, "traceback": f"exit status {status}"}
    emit(1, report)


def go_on():
    global nonce
    while waiting and not running:
        request = waiting.pop(0)
        if request["type"] == "execute":
            begin(request)
        else:
            nonce = request["nonce"]
            for fd in (1, 2):
                emit(fd, {"type": "hello"})


def take(line):
    request = json.loads(line)
    if request["type"] != "execute":
        waiting.clear()  # the cells of an earlier server
        interrupt()
    waiting.append(request)


def leave():
    code = shell.wait()
    os._exit(code if code >= 0 else 128 - code)


own, cells = os.pipe()
ends, others = os.pipe()
move = lambda: (os.dup2(own, 8), os.dup2(others, 9))
shell = subprocess.Popen(
    ["bash", "--norc", "--noprofile", "-c", shell_loop],
    stdin=subprocess.DEVNULL, close_fds=False, start_new_session=True, preexec_fn=move,
)
for fd in (own, others):
    os.close(fd)
signal.signal(signal.SIGINT, interrupt)
events = selectors.DefaultSelector()
for fd in (0, ends):
    events.register(fd, selectors.EVENT_READ)
held = {0: b"", ends: b""}
while True:
    for key, _ in events.select():
        data = os.read(key.fd, 65536)
        if not data:
            if key.fd == 0:
                os.close(cells)
                os.killpg(shell.pid, signal.SIGTERM)
            leave()
        *parts, held[key.fd] = (held[key.fd] + data).split(b"\n" if key.fd == 0 else b"\0")
        for part in parts:
            take(part) if key.fd == 0 else end(part.decode())
        go_on()
