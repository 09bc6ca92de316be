# llm-sandbox on Docker, with the image of Corral's sandboxes: a session, a command, the end.
import sys

from lines import serve
from llm_sandbox import SandboxSession

session = None


def run(command: str) -> None:
    result = session.execute_command(f'bash -c "{command}"')
    assert result.exit_code == 0, result.stderr


def open_session() -> None:
    global session
    session = SandboxSession(
        lang="python",
        image=sys.argv[1],
        skip_environment_setup=True,
        runtime_configs={"command": ["sleep", "infinity"], "entrypoint": [], "network_mode": "none"},
    )
    session.open()
    run("true")


serve({"open": open_session, "exec": lambda: run("true"), "close": lambda: session.close()})
