# A program written on E2B's SDKs for Python. It knows nothing of Corral; environment variables alone lead it there.
import json, time, urllib.request
from e2b import PtySize
from e2b_code_interpreter import Sandbox

results = {}


def step(name, work):
    try:
        results[name] = work()
    except Exception as thrown:
        results[name] = {"failed": type(thrown).__name__, "message": str(thrown)}


sandbox = Sandbox.create(timeout=120, metadata={"a": "b c"}, envs={"FOO": "bar"})


def run():
    end = sandbox.commands.run("echo hi; echo no >&2; echo $FOO")
    return [end.stdout, end.stderr, end.exit_code]


def exit_code():
    try:
        sandbox.commands.run("exit 3")
    except Exception as thrown:
        return [type(thrown).__name__, thrown.exit_code]


def stdin():
    handle = sandbox.commands.run("read a; echo got $a", background=True, stdin=True)
    sandbox.commands.send_stdin(handle.pid, "x\n")
    return handle.wait().stdout


def kill():
    handle = sandbox.commands.run("sleep 100", background=True)
    listed = sandbox.commands.list()
    return [len(listed), listed[0].args, listed[0].envs, handle.kill(), sandbox.commands.kill(handle.pid)]


def pty():
    out = []
    terminal = sandbox.pty.create(PtySize(rows=24, cols=80))
    sandbox.pty.send_stdin(terminal.pid, b"echo $((40+2)); exit\n")
    terminal.wait(on_pty=out.append)
    return b"42" in b"".join(out)


def files():
    path = sandbox.files.write("a.txt", "hi").path
    return [path, sandbox.files.read("a.txt"), sandbox.files.exists("a.txt"), sandbox.files.exists("none")]


def watch():
    sandbox.files.make_dir("w")
    handle = sandbox.files.watch_dir("w")
    sandbox.files.write("w/x", "1")
    seen = []
    for _ in range(40):
        seen += [f"{event.type.value} {event.name}" for event in handle.get_new_events()]
        if len(seen) >= 3:
            break
        time.sleep(0.05)
    handle.stop()
    return seen


def signed():
    url = sandbox.download_url("a.txt", use_signature_expiration=60)
    return urllib.request.urlopen(url).read().decode()


def metrics():
    [sample] = sandbox.get_metrics()
    return sample.mem_total > 0 and sample.cpu_count > 0


def connect():
    again = Sandbox.connect(sandbox.sandbox_id)
    return [again.commands.run("cat a.txt").stdout, again.run_code("x").text]


step("run", run)
step("exit code", exit_code)
step("stdin", stdin)
step("kill", kill)
step("pty", pty)
step("files", files)
step("metadata of a file", lambda: [sandbox.files.write("m.txt", "x", metadata={"author": "ann"}).metadata, sandbox.files.get_info("m.txt").metadata])
step("watch", watch)
step("signed url", signed)
step("metrics", metrics)
step("code", lambda: [sandbox.run_code("x = 1\nx + 1").text, sandbox.run_code("x").text])


def chart():
    [result] = sandbox.run_code('import matplotlib.pyplot as plt\nplt.bar(["a", "b"], [1, 2])\nplt.show()').results
    return [result.chart.type.value, [[bar.label, bar.value] for bar in result.chart.elements]]


step("chart", chart)
step("listed", lambda: len(Sandbox.list().next_items()))
step("pause", lambda: [bool(sandbox.pause()), sandbox.is_running()])
step("connect", connect)


def network():
    sandbox.update_network({"allow_internet_access": False})
    closed = sandbox.get_info().allow_internet_access
    sandbox.update_network({})
    return [closed, sandbox.get_info().allow_internet_access]


step("network update", network)
step("killed", lambda: [sandbox.kill(), sandbox.kill()])
print(json.dumps(results))
