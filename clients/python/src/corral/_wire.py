"""The bytes on the wire, without input or output: frames of streams, server-sent events, and their content."""

from __future__ import annotations

import codecs
import hashlib
import io
import json
import os
import struct
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Literal, TypedDict, Union

Content = Union[str, bytes, IO[bytes], Iterable[bytes]]

OUTPUT, ERRORS, END, PING = range(4)
_HEAD = struct.Struct(">BI")
_PIECE = 256 * 1024


@dataclass(frozen=True)
class ExecResult:
    """The end of a command. A failing command is not an error."""

    exit_code: int
    """124 after a timeout, 128+n after signal n."""
    timed_out: bool
    stdout: str
    """The beginning of the output, up to `keep` characters; `on_stdout` gets all of it."""
    stderr: str
    truncated: bool
    """Whether `stdout` or `stderr` is only a beginning."""


class SandboxSize(TypedDict, total=False):
    cpus: float
    memory: int | str
    """Bytes, or a size such as `512MiB`"""


class _RepositoryUrl(TypedDict):
    url: str


class Repository(_RepositoryUrl, total=False):
    """A git repository to fetch into a new session."""

    ref: str
    """A branch, a tag or a commit; without one: the branch that its server names"""
    path: str
    """Its folder in the workspace; without one: the last part of the URL"""
    depth: int
    """The number of commits to fetch; without one: all"""
    access: Literal["read", "write"]
    """`read`: this session never pushes there"""


class _VolumePlace(TypedDict):
    volume: str
    path: str


class VolumeMount(_VolumePlace, total=False):
    """A volume for a new box. One box at a time can mount it for writing; others read."""

    access: Literal["read", "write"]


class _HealthcheckTest(TypedDict):
    test: list[str]


class Healthcheck(_HealthcheckTest, total=False):
    """A command inside the service, which is ready once the command exits with 0."""

    intervalSeconds: float
    timeoutSeconds: float
    retries: int


class _ServiceImage(TypedDict):
    image: str


class Service(_ServiceImage, total=False):
    """A container of another image next to the sandbox; only that sandbox can reach it. `image` must be one that the operator
    lists.
    """

    command: list[str]
    env: dict[str, str]
    ports: list[int]
    """It is ready once all of them are open, unless it has a `healthcheck`"""
    healthcheck: Healthcheck
    after: list[str]
    """Services that have to be ready before it starts"""
    scratch: list[str]
    """Folders that it can write to, in memory"""


class GitPerson(TypedDict):
    name: str
    email: str


def to_repository(fields: str | Repository) -> Repository:
    if not isinstance(fields, str):
        return fields
    url, _, ref = fields.partition("#")
    return {"url": url, "ref": ref} if ref else {"url": url}


@dataclass(frozen=True)
class Session:
    id: str
    title: str
    status: str
    """`pending`, `running`, `waiting` or `completed`"""
    metadata: dict[str, str]
    ends_at: str | None
    """When the server deletes it; None: it stays."""
    name: str | None = None
    """The name by which `box` finds it; None: it has none."""


@dataclass(frozen=True)
class SandboxStatus:
    condition: str
    """`new`, `starting`, `running`, `pausing`, `paused`, `resuming`, `stopping`, `stopped` or `lost`"""
    keeps: str | None
    """What the pause kept: `memory` or `files`; None unless it is paused."""
    pause: str
    """The most that a pause keeps: `memory`, `files` or `none`"""
    workdir: str
    driver: str
    files_damaged: str | None = None
    """What came in the place of stored files that were damaged, the last time; None: no file ever was."""


@dataclass(frozen=True)
class Snapshot:
    """A copy of the files of a box, which outlives it."""

    id: str
    name: str | None
    labels: dict[str, str]
    session_id: str
    created_at: str
    bytes: int
    sha256: str


def to_snapshot(reply: dict[str, Any]) -> Snapshot:
    return Snapshot(
        id=str(reply["id"]),
        name=reply["name"],
        labels=dict(reply["labels"]),
        session_id=str(reply["sessionId"]),
        created_at=str(reply["createdAt"]),
        bytes=int(reply["bytes"]),
        sha256=str(reply["sha256"]),
    )


@dataclass(frozen=True)
class BuildLogEntry:
    """A line of the log of a build."""

    at: float
    level: str
    text: str
    step: str | None


@dataclass(frozen=True)
class TemplateBuild:
    """A build of a template that has ended."""

    id: str
    template_id: str
    tags: list[str]
    status: str
    reason: str | None
    """Why it failed; None: it is ready."""


def to_template_build(reply: dict[str, Any]) -> TemplateBuild:
    reason = reply["reason"]
    return TemplateBuild(
        id=str(reply["id"]),
        template_id=str(reply["templateId"]),
        tags=list(reply["tags"]),
        status=str(reply["status"]),
        reason=None if reason is None else str(reason["message"]),
    )


def copied_files(folder: str | os.PathLike[str], source: str) -> tuple[str, bytes]:
    """The files for a COPY as a tar archive, and its hash. Everything below a pattern is sent; the build selects."""
    parts: list[str] = []
    for part in source.split("/"):
        if any(sign in part for sign in "*?["):
            break
        if part == "..":
            raise ValueError(f"COPY {source} leads out of the folder.")
        if part not in ("", "."):
            parts.append(part)
    top = Path(folder, *parts)
    if not top.exists() and not top.is_symlink():
        raise FileNotFoundError(f"COPY {source}: it does not exist in {os.fspath(folder)}.")

    def plain(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
        if not (entry.isfile() or entry.isdir() or entry.issym()):
            return None
        entry.uid = entry.gid = entry.mtime = 0  # the same files are the same archive
        entry.uname = entry.gname = ""
        return entry

    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.PAX_FORMAT) as tar:
        tar.add(top, arcname="/".join(parts) or ".", filter=plain)
    content = archive.getvalue()
    return hashlib.sha256(content).hexdigest(), content


def sandbox_status(reply: dict[str, Any]) -> SandboxStatus:
    keeps = reply["keeps"]
    return SandboxStatus(
        condition=str(reply["condition"]),
        keeps=None if keeps is None else str(keeps),
        pause=str(reply["pause"]),
        workdir=str(reply["workdir"]),
        driver=str(reply["driver"]),
        files_damaged=None if reply.get("filesDamaged") is None else str(reply["filesDamaged"]["detail"]),
    )


@dataclass(frozen=True)
class Note:
    """A note that outlives sessions, without its text."""

    path: str
    size: int
    version: int
    """The number of its newest version: 1, 2, 3 and so on."""
    deleted: bool
    """A deleted note keeps its history for a while."""
    created_at: str
    updated_at: str
    author: dict[str, Any]
    """`kind` is `person`, `agent` or `server`; an agent's has `sessionId`, `runId` and `approved`."""


@dataclass(frozen=True)
class NoteVersion:
    number: int
    at: str
    action: str
    """`write`, `delete` or `undo`"""
    author: dict[str, Any]
    size: int
    text: str | None
    """None: the version deleted the note, or its text was redacted."""
    redacted: dict[str, Any] | None


def to_note(reply: dict[str, Any]) -> Note:
    return Note(
        path=str(reply["path"]),
        size=int(reply["size"]),
        version=int(reply["version"]),
        deleted=bool(reply["deleted"]),
        created_at=str(reply["createdAt"]),
        updated_at=str(reply["updatedAt"]),
        author=dict(reply["author"]),
    )


@dataclass(frozen=True)
class FileEntry:
    name: str
    type: str
    """`file` or `directory`"""
    size: int | None
    modified: str


@dataclass(frozen=True)
class ListeningPort:
    port: int
    pid: int | None
    command: str | None


@dataclass(frozen=True)
class Preview:
    id: str
    of: int | str
    """A port, or `files`"""
    url: str
    """The secret address for browsers."""
    path: str
    """The path of the server by which programs reach it."""
    expires_at: str


@dataclass(frozen=True)
class FileChange:
    """A move is a `rename` of the old name and a `create` of the new one."""

    type: str
    """`create`, `write`, `remove`, `rename`, `chmod`, or `lost`: there may have been more changes"""
    name: str
    """Relative to the watched folder."""


@dataclass(frozen=True)
class Event:
    """A fact of a session's log; `type` determines what `data` has."""

    seq: int
    type: str
    data: dict[str, Any]
    run_id: str | None = None


@dataclass(frozen=True)
class GoalEnd:
    """The result of a run's goal."""

    result: str
    """`satisfied`, `not_satisfied` or `could_not_be_judged`"""
    reason: str
    rounds: int
    """The times that it was judged."""


@dataclass(frozen=True)
class RunResult:
    status: str
    """`completed`, `stopped`, `failed` or `deleted`"""
    reason: str
    text: str
    """The agent's last message."""
    code: str | None = None
    error: str | None = None
    goal: GoalEnd | None = None


def with_goal(rubric: str | None, checks: Sequence[str], max_revisions: int | None) -> dict[str, Any]:
    """The goal of a message; empty without a rubric and checks."""
    if rubric is None and not checks:
        return {}
    goal = {"rubric": rubric, "checks": [{"command": one} for one in checks], "maxRevisions": max_revisions}
    return {"goal": {name: value for name, value in goal.items() if value is not None}}


def to_goal_end(reply: dict[str, Any] | None) -> GoalEnd | None:
    return reply and GoalEnd(str(reply["result"]), str(reply["reason"]), int(reply["rounds"])) or None


def to_event(reply: dict[str, Any]) -> Event:
    return Event(int(reply["seq"]), str(reply["type"]), reply.get("data") or {}, reply.get("runId"))


@dataclass
class Frames:
    """Splits bytes into frames of a channel and a payload."""

    _held: bytes = b""

    def feed(self, piece: bytes) -> Iterator[tuple[int, bytes]]:
        held = self._held + piece if self._held else piece
        at = 0
        while len(held) - at >= _HEAD.size:
            channel, length = _HEAD.unpack_from(held, at)
            begin = at + _HEAD.size
            if len(held) < begin + length:
                break
            yield channel, held[begin : begin + length]
            at = begin + length
        self._held = held[at:]


@dataclass
class Sse:
    """Splits bytes into server-sent events: their name and data."""

    _text: str = ""
    _decode: codecs.IncrementalDecoder = field(default_factory=codecs.getincrementaldecoder("utf-8"))

    def feed(self, piece: bytes) -> Iterator[tuple[str, str]]:
        self._text += self._decode.decode(piece).replace("\r\n", "\n")
        *whole, self._text = self._text.split("\n\n")
        for block in whole:
            name, data = "message", list[str]()
            for line in block.split("\n"):
                key, _, value = line.partition(":")
                value = value.removeprefix(" ")
                if key == "event":
                    name = value
                elif key == "data":
                    data.append(value)
            yield name, "\n".join(data)


@dataclass
class Kept:
    """The beginning of an output as text."""

    most: int
    text: str = ""
    is_cut: bool = False
    _decode: codecs.IncrementalDecoder = field(
        default_factory=lambda: codecs.getincrementaldecoder("utf-8")(errors="replace")
    )

    def add(self, piece: bytes) -> str:
        text = self._decode.decode(piece)
        room = self.most - len(self.text)
        if room > 0:
            self.text += text[:room]
        self.is_cut = self.is_cut or len(text) > room
        return text


def pieces_of(content: Content) -> Iterator[bytes]:
    if isinstance(content, str):
        yield content.encode()
    elif isinstance(content, bytes):
        yield content
    elif hasattr(content, "read"):
        while piece := content.read(_PIECE):
            yield piece
    else:
        yield from content


def command_line(request: dict[str, Any]) -> bytes:
    return json.dumps({name: value for name, value in request.items() if value is not None}).encode() + b"\n"
