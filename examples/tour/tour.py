"""Makes a box, streams a command's output, moves bytes, gives a task, forks, and stops. See README.md."""

from __future__ import annotations

import os
import sys

from corral import Corral, CorralError


def main() -> None:
    with Corral.create(title="A tour") as box:
        print(f"session {box.id}")
        ended = box.exec(
            "for n in 1 2 3; do echo line $n; sleep 0.2; done; echo oh >&2; exit 7",
            on_stdout=lambda text: print(f"out: {text}", end=""),
            on_stderr=lambda text: print(f"err: {text}", end=""),
        )
        print(f"exit code {ended.exit_code}")

        content = os.urandom(5_000_000)
        size = box.files.write("data/random.bin", content)
        print(f"wrote {size} bytes, read the same: {box.files.read_bytes('data/random.bin') == content}")

        run = box.run("Write a note\n```sh\necho from the run > note.txt\n```")
        for event in run:
            if event.type == "tool.calling":
                print(f"the agent calls {event.data['function']}")
        print(f"the run is {run.result().status}")

        copy = box.fork()
        print(f"the fork has: {copy.files.read('note.txt').strip()}")
        copy.stop()
        box.stop()
        print("stopped")


try:
    main()
except CorralError as error:
    sys.exit(f"{error} [{error.code}]")
