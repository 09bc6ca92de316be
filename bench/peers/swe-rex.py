# SWE-ReX without a container, as its runtime works inside of one: a shell, a command in it, 50 MB of output, the end.
import asyncio

from lines import OUTPUT, SIZE, serve
from swerex.deployment.local import LocalDeployment
from swerex.runtime.abstract import BashAction, Command, CreateBashSessionRequest

loop = asyncio.new_event_loop()
deployment = LocalDeployment()


def run(command: str) -> str:
    return loop.run_until_complete(deployment.runtime.run_in_session(BashAction(command=command))).output


def open_session() -> None:
    loop.run_until_complete(deployment.start())
    loop.run_until_complete(deployment.runtime.create_session(CreateBashSessionRequest(startup_timeout=30)))
    run("true")


def output() -> None:
    result = loop.run_until_complete(deployment.runtime.execute(Command(command=OUTPUT, shell=True)))
    assert len(result.stdout) == SIZE


def close() -> None:
    loop.run_until_complete(deployment.stop())


serve({"open": open_session, "exec": lambda: run("true"), "output": output, "close": close})
