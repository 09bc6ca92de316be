# A program written on E2B's SDKs for Python. It knows nothing of Corral; environment variables alone lead it there.
import json
import urllib.request

from e2b import PtySize
from e2b_code_interpreter import Sandbox

results = {}
sandbox = Sandbox.create(timeout=120, envs={"FOO": "bar"})


def step(work, name=None):
    name = name or work.__name__
    try:
        results[name] = work()
    except Exception as thrown:
        results[name] = {"failed": type(thrown).__name__, "message": str(thrown)}


@step
def stdin():
    handle = sandbox.commands.run("read a; echo got $a $FOO", background=True, stdin=True)
    sandbox.commands.send_stdin(handle.pid, "x\n")
    return handle.wait().stdout


@step
def kill():
    handle = sandbox.commands.run("sleep 100", background=True)
    listed = sandbox.commands.list()
    return [len(listed), listed[0].args, listed[0].envs, handle.kill(), sandbox.commands.kill(handle.pid)]


@step
def pty():
    out = []
    terminal = sandbox.pty.create(PtySize(rows=24, cols=80))
    sandbox.pty.send_stdin(terminal.pid, b"echo $((40+2)); exit\n")
    terminal.wait(on_pty=out.append)
    return b"42" in b"".join(out)


@step
def files():
    written = sandbox.files.write("a.txt", "hi", metadata={"author": "ann"})
    return [written.path, written.metadata, sandbox.files.get_info("a.txt").metadata, sandbox.files.exists("none")]


@step
def watch():
    sandbox.files.make_dir("w")
    handle = sandbox.files.watch_dir("w")
    sandbox.files.write("w/x", "1")
    seen = []
    while len(seen) < 3:  # at the latest until the sandbox's time is over
        seen += [f"{event.type.value} {event.name}" for event in handle.get_new_events()]
    handle.stop()
    return seen


@step
def chart():
    code = 'import matplotlib.pyplot as plt\nx = 1\nplt.bar(["a", "b"], [x, 2])\nplt.show()'
    [result] = sandbox.run_code(code).results
    return [result.chart.type.value, {bar.label: bar.value for bar in result.chart.elements}]


signed = sandbox.download_url("a.txt", use_signature_expiration=60)
step(lambda: urllib.request.urlopen(signed).read().decode(), "signed url")
step(lambda: [sample.mem_total > 0 and sample.cpu_count > 0 for sample in sandbox.get_metrics()], "metrics")
step(lambda: [len(Sandbox.list().next_items()), bool(sandbox.pause()), sandbox.is_running()], "pause")


@step
def connect():
    again = Sandbox.connect(sandbox.sandbox_id)
    return [again.commands.run("cat a.txt").stdout, again.run_code("x").text]


@step
def network_update():
    sandbox.update_network({"allow_internet_access": False})
    closed = sandbox.get_info().allow_internet_access
    sandbox.update_network({})
    return [closed, sandbox.get_info().allow_internet_access]


step(lambda: [sandbox.kill(), sandbox.kill()], "kill of the sandbox")
print(json.dumps(results))
