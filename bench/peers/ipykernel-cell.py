# A Jupyter kernel on this machine, as a notebook drives it: start, a cell and its result, end.
import sys

from jupyter_client.manager import start_new_kernel
from lines import serve

manager = client = None


def open_kernel() -> None:
    global manager, client
    manager, client = start_new_kernel()
    run()


def run() -> None:
    seen = []
    client.execute_interactive(
        sys.argv[1],
        store_history=False,
        output_hook=lambda message: seen.append(message["content"].get("data", {}).get("text/plain")),
    )
    assert sys.argv[2] in seen, seen


def close() -> None:
    client.stop_channels()
    manager.shutdown_kernel(now=True)


serve({"open": open_kernel, "exec": run, "close": close})
