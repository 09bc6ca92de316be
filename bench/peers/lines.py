# The frame of the peers in Python: an act from each line of the input, a line of JSON for each.
import json
import os
import sys
from collections.abc import Callable

OUTPUT = "yes 'one line of output' | head -c 50000000"
SIZE = 50_000_000


def serve(acts: dict[str, Callable[[], None]]) -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # a library that prints does not disturb the answers
    is_open = False

    def say(**answer: object) -> None:
        print(json.dumps(answer), file=answers, flush=True)

    say(ok=True)
    for line in sys.stdin:
        act = line.strip()
        try:
            acts[act]()
            is_open = act != "close"
            say(ok=True)
        except Exception as error:  # noqa: BLE001
            say(ok=False, error=repr(error)[:500])
    if is_open:
        acts["close"]()
