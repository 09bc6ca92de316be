"""Writes src/corral/_sync.py: the client without async, from _async.py. A build of the package does this first."""

import os
import re
from pathlib import Path

source = Path(__file__).parent.parent / "src/corral/_async.py"
target = source.with_name("_sync.py")
words = [
    (r"\basync def\b", "def"),
    (r"\basync (for|with)\b", r"\1"),
    (r"\bawait ", ""),
    (r"\basyncio\.sleep\b", "time.sleep"),
    (r"^import asyncio\n", ""),
    (r"^import shlex\n", "import shlex\nimport time\n"),
    (r"\bAsyncGenerator\[(.+), None\]:", r"Generator[\1, None, None]:"),
    (r"\bAsyncGenerator, Callable, Mapping, Sequence\b", "Callable, Generator, Mapping, Sequence"),
    (r"\bhttpx\.AsyncClient\b", "httpx.Client"),
    (r"\b__a(iter|enter|exit)__\b", r"__\1__"),
    (r"\ba(read|close|iter_bytes)\b", r"\1"),
    (r"\bAsync(Server|Files|Run|Terminal|Port|Box|Attempts|Memory|Corral)\b", r"\1"),
]
text = source.read_text()
for pattern, replacement in words:
    text = re.sub(pattern, replacement, text, flags=re.MULTILINE)
text = "# Made by scripts/make_sync.py from _async.py.\n" + text
part = target.with_name(f"_sync.{os.getpid()}.tmp")
part.write_text(text)
part.replace(target)
