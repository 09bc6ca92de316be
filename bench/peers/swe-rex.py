# SWE-ReX without a container, as its runtime works inside of one: a shell, a command in it, the end. 50 MB of output come over
# its HTTP server, as they do from each of its deployments but the local one.
import asyncio
import atexit
import socket
import subprocess
import sys

from lines import OUTPUT, SIZE, serve
from swerex.deployment.local import LocalDeployment
from swerex.runtime.abstract import BashAction, Command, CreateBashSessionRequest
from swerex.runtime.remote import RemoteRuntime

loop = asyncio.new_event_loop()
deployment = LocalDeployment()


def run(command: str) -> str:
    return loop.run_until_complete(deployment.runtime.run_in_session(BashAction(command=command))).output


def open_session() -> None:
    loop.run_until_complete(deployment.start())
    loop.run_until_complete(deployment.runtime.create_session(CreateBashSessionRequest(startup_timeout=30)))
    run("true")


remote: list[RemoteRuntime] = []


def server() -> RemoteRuntime:
    """Starts with the first call, which is a warm-up."""
    if not remote:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        arguments = ["--host", "127.0.0.1", "--port", str(port), "--auth-token", "bench"]
        child = subprocess.Popen(
            [sys.executable, "-m", "swerex.server", *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        atexit.register(child.kill)
        remote.append(RemoteRuntime(host="http://127.0.0.1", port=port, auth_token="bench", timeout=60))
        loop.run_until_complete(remote[0].wait_until_alive(timeout=30))
    return remote[0]


def output() -> None:
    result = loop.run_until_complete(server().execute(Command(command=OUTPUT, shell=True)))
    assert len(result.stdout) == SIZE


def close() -> None:
    loop.run_until_complete(deployment.stop())


serve({"open": open_session, "exec": lambda: run("true"), "output": output, "close": close})
