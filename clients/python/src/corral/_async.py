from __future__ import annotations

import asyncio
import json
import os
import random
import shlex
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Literal
from urllib.parse import quote, urljoin
from uuid import uuid4

import httpx

from ._errors import CorralError, cut_off, from_server, refusal, unreachable
from ._wire import (
    END,
    ERRORS,
    OUTPUT,
    BuildLogEntry,
    Content,
    Event,
    ExecResult,
    FileChange,
    FileEntry,
    Frames,
    GitPerson,
    Kept,
    ListeningPort,
    Note,
    NoteVersion,
    Preview,
    Repository,
    RunResult,
    SandboxSize,
    SandboxStatus,
    Service,
    Session,
    Snapshot,
    TemplateBuild,
    VolumeMount,
    Sse,
    command_line,
    copied_files,
    pieces_of,
    sandbox_status,
    to_event,
    to_goal_end,
    to_note,
    to_repository,
    to_snapshot,
    to_template_build,
    with_goal,
)

_CONNECT_SECONDS = 10.0
_SILENT_SECONDS = 60.0  # the server sends a sign of life every 15 seconds
_CALL_SECONDS = 600.0


class AsyncServer:
    """One server: its procedures, and its streams over plain HTTP."""

    def __init__(self, url: str | None, token: str | None) -> None:
        self.address = (url or os.environ.get("CORRAL_URL") or "http://127.0.0.1:8000").rstrip("/")
        token = token or os.environ.get("CORRAL_TOKEN")
        headers = {"authorization": f"Bearer {token}"} if token else {}
        timeout = httpx.Timeout(_SILENT_SECONDS, connect=_CONNECT_SECONDS, read=_CALL_SECONDS)
        self._http = httpx.AsyncClient(base_url=self.address, headers=headers, timeout=timeout)

    async def mutate(self, procedure: str, request: Mapping[str, Any]) -> Any:
        return await self._call("POST", procedure, json=dict(request))

    async def query(self, procedure: str, request: Mapping[str, Any]) -> Any:
        return await self._call("GET", procedure, params={"input": json.dumps(dict(request))})

    async def _call(self, method: str, procedure: str, **options: Any) -> Any:
        answer = await self.send(method, f"/trpc/{procedure}", **options)
        try:
            return json.loads(await answer.aread())["result"]["data"]
        except httpx.TransportError as cause:
            raise unreachable(self.address, cause) from cause

    async def send(self, method: str, path: str, *, read_seconds: float | None = None, **options: Any) -> httpx.Response:
        """A successful answer; its body is not read yet."""
        if read_seconds is not None:
            options["timeout"] = httpx.Timeout(_SILENT_SECONDS, connect=_CONNECT_SECONDS, read=read_seconds)
        try:
            answer = await self._http.send(self._http.build_request(method, path, **options), stream=True)
            if answer.is_success:
                return answer
            body = await answer.aread()
        except httpx.TransportError as cause:
            raise unreachable(self.address, cause) from cause
        raise refusal(self.address, answer.status_code, _json_of(body))

    async def close(self) -> None:
        await self._http.aclose()


class AsyncFiles:
    """The files of a box. Paths are relative to its workspace, or absolute below it."""

    def __init__(self, server: AsyncServer, session_id: str) -> None:
        self._server = server
        self._session_id = session_id

    async def write(self, path: str, content: Content) -> int:
        """Writes a file of any size, and creates missing folders. Replaces the file completely, or not at all."""
        headers = {"content-type": "application/octet-stream"}
        answer = await self._server.send("PUT", self._at(path), content=_body(content), headers=headers)
        return int(json.loads(await answer.aread())["size"])

    async def read(self, path: str) -> str:
        return (await self.read_bytes(path)).decode(errors="replace")

    async def read_bytes(self, path: str) -> bytes:
        return b"".join([piece async for piece in self.stream(path)])

    async def stream(self, path: str) -> AsyncGenerator[bytes, None]:
        """Streams a file of any size. A broken transfer is an error, not an early end."""
        answer = await self._server.send("GET", self._at(path))
        try:
            async for piece in answer.aiter_bytes():
                yield piece
        except httpx.TransportError as cause:
            raise cut_off(self._server.address) from cause
        finally:
            await answer.aclose()

    async def list(self, path: str = ".") -> list[FileEntry]:
        reply = await self._server.query("files.list", {"sessionId": self._session_id, "path": path})
        return [FileEntry(**one) for one in reply["items"]]

    async def watch(self, path: str = ".", *, recursive: bool = True) -> AsyncGenerator[FileChange, None]:
        """The changes of files in and below a folder, from the return of this call on."""
        params = {"path": path, "recursive": "true" if recursive else "false"}
        at = f"/streams/sessions/{self._session_id}/watch"
        answer = await self._server.send("GET", at, params=params, read_seconds=_SILENT_SECONDS)
        return self._changes(answer)

    async def _changes(self, answer: httpx.Response) -> AsyncGenerator[FileChange, None]:
        async for channel, payload in _frames(self._server, answer):
            if channel == OUTPUT:
                yield FileChange(**json.loads(payload))
            elif channel == END:
                _outcome(self._server, payload)
                return
        raise cut_off(self._server.address)

    async def remove(self, path: str) -> None:
        await self._server.mutate("files.delete", {"sessionId": self._session_id, "path": path})

    def _at(self, path: str) -> str:
        return f"/streams/sessions/{self._session_id}/file?path={quote(path, safe='')}"


class AsyncRun:
    """The work from one message to its end. Iterate over its events, or wait for its result.

    Both begin at the message. A broken connection continues after the last event.
    """

    def __init__(self, box: AsyncBox, id: str, seq: int) -> None:
        self.id = id
        self._box = box
        self._after_seq = seq - 1

    async def __aiter__(self) -> AsyncGenerator[Event, None]:
        """Ends with the event `run.end`, or when the session is deleted."""
        async for event in self._box.events(self._after_seq):
            yield event
            if event.type == "run.end" and event.run_id == self.id:
                return

    async def result(self) -> RunResult:
        """Waits until the run has ended, for any reason. A run that waits for an answer has not ended."""
        text, error = "", None
        async for event in self:
            if event.run_id != self.id:
                continue
            if event.type == "message.assistant":
                text = str(event.data["text"])
            elif event.type == "run.error":
                error = str(event.data["error"])
            elif event.type == "run.end":
                data = event.data
                goal = to_goal_end(data.get("goal"))
                return RunResult(data["status"], data["reason"], text, data.get("code"), error, goal)
        return RunResult("deleted", "deleted", text)

    async def answer(self, text: str) -> None:
        """Answers a question, or steers the run."""
        await self._box.server.mutate("runs.send", {"sessionId": self._box.id, "text": text})

    async def approve(self, call_id: str) -> None:
        await self._box.server.mutate("runs.approve", {"sessionId": self._box.id, "callId": call_id})

    async def reject(self, call_id: str, text: str | None = None) -> None:
        """The model receives the refusal with the text."""
        request = {"sessionId": self._box.id, "callId": call_id}
        await self._box.server.mutate("runs.reject", request if text is None else {**request, "text": text})

    async def stop(self) -> bool:
        return bool((await self._box.server.mutate("runs.stop", {"sessionId": self._box.id}))["stopped"])


class AsyncTerminal:
    """A shell on a real terminal in the box. Iterate over its output.

    It keeps running when its reader leaves; `box.terminal(id=…)` reattaches.
    """

    def __init__(self, server: AsyncServer, id: str, output: httpx.Response) -> None:
        self.id = id
        self.end: str | None = None
        """Why the output ended: `exited`, `deleted`, `replaced` or `session_deleted`."""
        self._server = server
        self._output = output

    async def __aiter__(self) -> AsyncGenerator[bytes, None]:
        async for channel, payload in _frames(self._server, self._output):
            if channel == OUTPUT:
                yield payload
            elif channel == END:
                self.end = str(_outcome(self._server, payload)["reason"])

    async def write(self, text: str) -> None:
        await self._server.mutate("terminals.write", {"terminalId": self.id, "text": text})

    async def resize(self, cols: int, rows: int) -> None:
        await self._server.mutate("terminals.resize", {"terminalId": self.id, "cols": cols, "rows": rows})

    async def detach(self) -> None:
        """Leaves the shell running."""
        await self._output.aclose()

    async def close(self) -> None:
        await self._server.mutate("terminals.close", {"terminalId": self.id})


class AsyncPort:
    """A port of a box. Its preview opens at the first use, and lives for 8 hours."""

    def __init__(self, server: AsyncServer, session_id: str, number: int) -> None:
        self.number = number
        self._server = server
        self._session_id = session_id
        self._opened: Preview | None = None

    async def open(self, *, minutes: int | None = None) -> Preview:
        """The preview; the same one until it is closed."""
        if self._opened is None:
            self._opened = await _preview(self._server, self._session_id, self.number, minutes)
        return self._opened

    @property
    async def url(self) -> str:
        """The secret address for browsers."""
        return (await self.open()).url

    async def get(self, path: str = "/") -> httpx.Response:
        """Sends a request to the program behind the port, without the server's token. Answers 502 if nothing listens."""
        opened = await self.open()
        async with httpx.AsyncClient() as http:
            return await http.get(f"{self._server.address}{opened.path}{path.lstrip('/')}")

    async def close(self) -> None:
        """Ends the address, with every connection through it."""
        if self._opened is not None:
            await self._server.mutate("ports.close", {"sessionId": self._session_id, "id": self._opened.id})
            self._opened = None


async def _preview(server: AsyncServer, session_id: str, of: int | str, minutes: int | None) -> Preview:
    request: dict[str, Any] = {"sessionId": session_id, "of": of}
    reply = await server.mutate("ports.open", request if minutes is None else {**request, "minutes": minutes})
    return Preview(reply["id"], reply["of"], urljoin(f"{server.address}/", reply["url"]), reply["path"], reply["expiresAt"])


class AsyncBox:
    """A session: a sandbox with files and terminals, and the agent that works in it."""

    def __init__(
        self, server: AsyncServer, id: str, *, env: Mapping[str, str] | None = None, own: bool = False
    ) -> None:
        self.id = id
        self.server = server
        self.files = AsyncFiles(server, id)
        self.attempts = AsyncAttempts(server, id)
        self._env = dict(env or {})
        self._own = own
        self._closes_server = False

    async def __aenter__(self) -> AsyncBox:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Deletes a box that this program created, unless it was created with `keep`."""
        try:
            if self._own:
                await self.remove()
        except CorralError as failure:
            if failure.code != "session_not_found":  # deleted within the block
                raise
        finally:
            if self._closes_server:  # otherwise, other boxes and the client use its connections too
                await self.close()

    async def attach(self, files: Mapping[str, Content]) -> list[str]:
        """Writes files into the workspace, and returns their paths."""
        for path, content in files.items():
            await self.files.write(path, content)
        return list(files)

    async def exec(
        self,
        command: str,
        *,
        cwd: str | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float | None = None,
        stdin: Content | None = None,
        on_stdout: Callable[[str], object] | None = None,
        on_stderr: Callable[[str], object] | None = None,
        keep: int = 1024 * 1024,
    ) -> ExecResult:
        """Runs a command and streams its output, of any length. Output waits while the callback works."""
        if stdin is not None:
            command = await self._with_input(command, stdin)
        timeout_ms = None if timeout is None else int(timeout * 1000)
        line = command_line({"command": command, "cwd": cwd, "env": {**self._env, **(env or {})} or None, "timeoutMs": timeout_ms})
        path = f"/streams/sessions/{self.id}/exec"
        headers = {"content-type": "application/octet-stream"}
        answer = await self.server.send("POST", path, content=line, headers=headers, read_seconds=_SILENT_SECONDS)
        stdout, stderr = Kept(keep), Kept(keep)
        async for channel, payload in _frames(self.server, answer):
            if channel == OUTPUT:
                _notify(on_stdout, stdout.add(payload))
            elif channel == ERRORS:
                _notify(on_stderr, stderr.add(payload))
            elif channel == END:
                ended = _outcome(self.server, payload)
                truncated = stdout.is_cut or stderr.is_cut
                return ExecResult(ended["exitCode"], ended["timedOut"], stdout.text, stderr.text, truncated)
        raise cut_off(self.server.address)

    async def _with_input(self, command: str, stdin: Content) -> str:
        """httpx sends a whole body before it reads the answer, so a long input would wait for its own output."""
        file = f".corral/input-{uuid4().hex}"
        await self.files.write(file, stdin)
        folder = (await self.server.query("sandbox.status", {"sessionId": self.id}))["workdir"]
        path = shlex.quote(f"{folder}/{file}")
        return f"exec <{path}; rm -f {path}\n{command}"

    async def run(
        self,
        text: str,
        *,
        goal: str | None = None,
        checks: Sequence[str] = (),
        max_revisions: int | None = None,
    ) -> AsyncRun:
        """Gives the agent a task, or steers the run in progress.

        With a goal, or with commands that must exit with 0, it starts a run of its own. A result that misses goes back to the
        agent, at most `max_revisions` times.
        """
        request: dict[str, Any] = {"sessionId": self.id, "text": text, **with_goal(goal, checks, max_revisions)}
        sent = await self.server.mutate("runs.send", request)
        return AsyncRun(self, sent["runId"], int(sent["seq"]))

    async def events(self, after_seq: int = 0) -> AsyncGenerator[Event, None]:
        """The session's events after `after_seq`, then new ones, until it is deleted.

        A broken connection continues after the last event.
        """
        failures = 0
        while True:
            try:
                async for event in self._events_once(after_seq):
                    if event is None:
                        return
                    after_seq, failures = event.seq, 0
                    yield event
            except CorralError as error:
                if not error.retryable:
                    raise
            failures += 1
            await asyncio.sleep(min(5.0, 0.1 * 2**failures) * random.uniform(0.5, 1))

    async def _events_once(self, after_seq: int) -> AsyncGenerator[Event | None, None]:
        """Ends with None when the session is deleted, and without it when the connection ends."""
        request = json.dumps({"sessionId": self.id, "lastEventId": str(after_seq)})
        headers = {"accept": "text/event-stream"}
        options: dict[str, Any] = {"params": {"input": request}, "headers": headers, "read_seconds": _SILENT_SECONDS}
        answer = await self.server.send("GET", "/trpc/events.subscribe", **options)
        sse = Sse()
        try:
            async for piece in answer.aiter_bytes():
                for name, data in sse.feed(piece):
                    if name == "return":
                        yield None
                    elif name == "serialized-error":
                        reply = json.loads(data)
                        raise from_server(self.server.address, reply.get("data") or {}, str(reply.get("message")))
                    elif name == "message" and data and "type" in (reply := json.loads(data)):
                        if reply["type"] != "resync":
                            yield to_event(reply)
        except httpx.TransportError as cause:
            raise cut_off(self.server.address) from cause
        finally:
            await answer.aclose()

    async def ports(self) -> list[ListeningPort]:
        """The ports on which programs in the sandbox listen. Starts nothing."""
        reply = await self.server.query("ports.list", {"sessionId": self.id})
        return [ListeningPort(one["port"], one.get("pid"), one.get("command")) for one in reply]

    def port(self, number: int) -> AsyncPort:
        """A port of the sandbox: the `url` of its preview is an address for a browser."""
        return AsyncPort(self.server, self.id, number)

    async def preview(self, of: int | str, *, minutes: int | None = None) -> Preview:
        """Opens a preview of a port, or of the files of the workspace (`files`)."""
        return await _preview(self.server, self.id, of, minutes)

    async def terminal(self, *, id: str | None = None, cols: int = 80, rows: int = 24) -> AsyncTerminal:
        """A shell on a real terminal: a new one, or the one with `id`."""
        if id is None:
            id = str((await self.server.mutate("terminals.open", {"sessionId": self.id}))["id"])
        await self.server.mutate("terminals.resize", {"terminalId": id, "cols": cols, "rows": rows})
        output = await self.server.send("GET", f"/streams/terminals/{id}", read_seconds=_SILENT_SECONDS)
        return AsyncTerminal(self.server, id, output)

    async def fork(self, *, seq: int | None = None, title: str | None = None, files: bool = True) -> AsyncBox:
        """A new box with the conversation up to the end of the newest run, or of the step or run at `seq`.

        It has its files as of then where they were kept. Raises conflict before any run has ended.
        """
        request: dict[str, Any] = {"id": self.id, "files": files, "seq": seq, "title": title}
        fields = {name: value for name, value in request.items() if value is not None}
        id = (await self.server.mutate("sessions.fork", fields))["id"]
        return AsyncBox(self.server, id, env=self._env, own=True)

    async def edit(
        self, seq: int, text: str, *, attachments: list[str] | None = None, stops_run: bool = False
    ) -> AsyncBox:
        """A new box with everything before the message at `seq`, which must have started a run.

        `text` is sent instead; this box stays as it is. Raises conflict while a run is in progress, unless
        `stops_run` is set.
        """
        request = {"id": self.id, "seq": seq, "text": text, "attachments": attachments or [], "stopsRun": stops_run}
        id = (await self.server.mutate("sessions.edit", request))["session"]["id"]
        return AsyncBox(self.server, id, env=self._env, own=True)

    async def snapshot(self, *, name: str | None = None, labels: Mapping[str, str] | None = None) -> Snapshot:
        """Copies the files, for new boxes that start with them: `create(snapshot="build-cache")`.

        The copy outlives the box. An older snapshot of this name loses the name.
        """
        request = {"sessionId": self.id, "name": name, "labels": labels}
        fields = {key: value for key, value in request.items() if value is not None}
        return to_snapshot(await self.server.mutate("snapshots.create", fields))

    async def forks(self, count: int) -> list[AsyncBox | CorralError]:
        """New boxes with the current files, the same in each, and without processes.

        Each fork succeeds or fails independently: the list has a box or an error for each.
        """
        made = await self.server.mutate("sandbox.fork", {"sessionId": self.id, "count": count})
        return [
            AsyncBox(self.server, one["sessionId"], env=self._env, own=True)
            if "sessionId" in one
            else CorralError(one["error"]["code"], one["error"]["message"], address=self.server.address)
            for one in made
        ]

    async def rename(self, name: str | None) -> None:
        """Renames the box; the name must be free among yours. None removes the name, so that another box can take it."""
        await self.server.mutate("sessions.update", {"id": self.id, "name": name})

    async def set_lifetime(self, seconds: int | None) -> None:
        """Sets the box to be deleted this many seconds from now. None: never."""
        await self.server.mutate("sessions.update", {"id": self.id, "lifetimeSeconds": seconds})

    async def status(self) -> SandboxStatus:
        """The state of the sandbox, and in `pause` what a pause would keep. Starts nothing."""
        return sandbox_status(await self.server.query("sandbox.status", {"sessionId": self.id}))

    async def pause(self, keeps: str | None = None) -> SandboxStatus:
        """Pauses the sandbox until its next use: a task, a command, a file, a terminal or a port resumes it.

        `keeps` is "memory" or "files"; without it the pause keeps as much as the sandbox can.
        """
        request = {"sessionId": self.id} | ({} if keeps is None else {"keeps": keeps})
        return sandbox_status(await self.server.mutate("sandbox.pause", request))

    async def resume(self) -> SandboxStatus:
        """Resumes the paused sandbox, or starts it. Any use does this automatically."""
        return sandbox_status(await self.server.mutate("sandbox.resume", {"sessionId": self.id}))

    async def stop(self) -> None:
        """Ends the run and every process, and keeps the files."""
        await self.server.mutate("sandbox.stop", {"sessionId": self.id})

    async def remove(self) -> None:
        """Deletes the session with its sandbox, files and history."""
        await self.server.mutate("sessions.delete", {"id": self.id})

    async def close(self) -> None:
        """Ends the connections of this client; the session stays."""
        await self.server.close()


class AsyncAttempts:
    """Attempts at a task of a box, of which one result is chosen. Each attempt is a session, a child of the box.

    They are dicts as the server describes them: `id`, `phase`, `best`, `chosen`, and `attempts` with `n`, `sessionId`,
    `state`, `result` and `cost`.
    """

    def __init__(self, server: AsyncServer, session_id: str) -> None:
        self._server = server
        self._of = {"sessionId": session_id}

    async def start(
        self,
        task: str,
        *,
        attempts: int | Sequence[Mapping[str, str]] = 3,
        goal: str | None = None,
        checks: Sequence[str] = (),
        max_revisions: int | None = None,
        begins: Literal["fork", "copy", "none"] | None = None,
        budget: Mapping[str, float] | None = None,
    ) -> dict[str, Any]:
        """Returns before an attempt has started. Raises conflict while a run or other attempts are in progress.

        `attempts` is a number, or has a dict with `model` or `template` for each.
        """
        request = {**self._of, "task": task, "attempts": attempts, "begins": begins, "budget": budget}
        fields = {name: value for name, value in request.items() if value is not None}
        reply = await self._server.mutate("attempts.start", {**fields, **with_goal(goal, checks, max_revisions)})
        return dict(reply)

    async def get(self, id: str) -> dict[str, Any]:
        """The attempts with their states, results and cost."""
        return dict(await self._server.query("attempts.get", {**self._of, "id": id}))

    async def settled(self, id: str) -> dict[str, Any]:
        """Returns when every attempt has ended or waits for an answer."""
        while True:
            now = await self.get(id)
            states = [one["state"] for one in now["attempts"]]
            works = any(state in ("planned", "pending", "running") for state in states)
            if now["phase"] != "running" or ("waiting" in states and not works):
                return now
            await asyncio.sleep(1)

    async def diff(self, id: str, n: int) -> str:
        """The file changes of an ended attempt."""
        return str((await self._server.query("attempts.diff", {**self._of, "id": id, "n": n}))["text"])

    async def choose(self, id: str, n: int, *, others: Literal["keep", "delete"] = "keep") -> dict[str, Any]:
        """Gives the box exactly the files of one attempt, and ends the others."""
        return dict(await self._server.mutate("attempts.choose", {**self._of, "id": id, "n": n, "others": others}))

    async def stop(self, id: str) -> dict[str, Any]:
        """Ends all attempts; their sessions stay."""
        return dict(await self._server.mutate("attempts.stop", {**self._of, "id": id}))

    async def list(self) -> list[dict[str, Any]]:
        """The newest first."""
        return [dict(one) for one in await self._server.query("attempts.list", self._of)]


class AsyncMemory:
    """The notes of a person or a project, which outlive sessions."""

    def __init__(self, server: AsyncServer, *, project: str | None = None, person: str | None = None) -> None:
        self._server = server
        self._holder: dict[str, Any] = {"of": "person"} if project is None else {"of": "project", "id": project}
        if project is None and person is not None:
            self._holder["id"] = person

    async def read(self, path: str, *, version: int | None = None) -> str:
        """The current text, or an earlier one."""
        return str((await self._server.query("memory.read", self._at(path, version=version)))["text"])

    async def write(self, path: str, text: str, *, expect: int | None = None) -> Note:
        """With `expect` it raises conflict unless the note is at that version; 0: the note must not exist."""
        return to_note(await self._server.mutate("memory.write", self._at(path, text=text, expect=expect)))

    async def delete(self, path: str) -> Note:
        """`undo` restores it."""
        return to_note(await self._server.mutate("memory.delete", self._at(path)))

    async def history(self, path: str) -> list[NoteVersion]:
        """The kept versions, newest first."""
        return [NoteVersion(**one) for one in await self._server.query("memory.history", self._at(path))]

    async def undo(self, path: str, *, to: int | None = None) -> Note:
        """Reverts the newest change, or restores the text of version `to`."""
        return to_note(await self._server.mutate("memory.undo", self._at(path, to=to)))

    async def redact(self, path: str, version: int | Literal["all"]) -> Note:
        """Removes the text of an earlier version for good; `all`: every text, and the note."""
        return to_note(await self._server.mutate("memory.redact", self._at(path, version=version)))

    async def list(self, *, deleted: bool = False) -> list[Note]:
        """By path. `deleted`: includes deleted notes that can be restored."""
        reply = await self._server.query("memory.notes", self._holder)
        return [to_note(one) for one in reply if deleted or not one["deleted"]]

    def _at(self, path: str, **more: Any) -> dict[str, Any]:
        fields = {name: value for name, value in more.items() if value is not None}
        return {**self._holder, "path": path, **fields}


class AsyncCorral:
    """A Corral server. The defaults are CORRAL_URL, else http://127.0.0.1:8000, and CORRAL_TOKEN."""

    def __init__(self, url: str | None = None, token: str | None = None) -> None:
        self.server = AsyncServer(url, token)

    @staticmethod
    async def create(
        *,
        url: str | None = None,
        token: str | None = None,
        title: str | None = None,
        model: str | None = None,
        template: str | None = None,
        files: Mapping[str, Content] | None = None,
        env: Mapping[str, str] | None = None,
        keep: bool = False,
        lifetime: int | None = None,
        idle_timeout: int | None = None,
        egress: Literal["none"] | Sequence[str] | None = None,
        size: SandboxSize | None = None,
        metadata: Mapping[str, str] | None = None,
        snapshot: str | None = None,
        built: str | None = None,
        volumes: Sequence[VolumeMount] | None = None,
        repositories: Sequence[str | Repository] | None = None,
        author: GitPerson | None = None,
        services: Mapping[str, Service] | None = None,
        compose: str | None = None,
    ) -> AsyncBox:
        """Creates a session, whose sandbox starts in the background. `new` explains the arguments."""
        corral = AsyncCorral(url, token)
        box = await corral.new(
            title=title,
            model=model,
            template=template,
            files=files,
            env=env,
            keep=keep,
            lifetime=lifetime,
            idle_timeout=idle_timeout,
            egress=egress,
            size=size,
            metadata=metadata,
            snapshot=snapshot,
            built=built,
            volumes=volumes,
            repositories=repositories,
            author=author,
            services=services,
            compose=compose,
        )
        box._closes_server = True
        return box

    async def new(
        self,
        *,
        title: str | None = None,
        model: str | None = None,
        template: str | None = None,
        files: Mapping[str, Content] | None = None,
        env: Mapping[str, str] | None = None,
        keep: bool = False,
        lifetime: int | None = None,
        idle_timeout: int | None = None,
        egress: Literal["none"] | Sequence[str] | None = None,
        size: SandboxSize | None = None,
        metadata: Mapping[str, str] | None = None,
        snapshot: str | None = None,
        built: str | None = None,
        volumes: Sequence[VolumeMount] | None = None,
        repositories: Sequence[str | Repository] | None = None,
        author: GitPerson | None = None,
        services: Mapping[str, Service] | None = None,
        compose: str | None = None,
    ) -> AsyncBox:
        """Creates a session with `files` in its workspace, by path, and `env` for each command of `exec`.

        Leaving the box's `with` block deletes it, unless `keep`.

        `lifetime` is the seconds until the server deletes the box, even if this program still runs. After `idle_timeout`
        seconds an unused sandbox is stopped; its files stay. `egress` is "none", or the only hosts to reach of those that the
        server's policy opens. `size` limits processors and memory, where the server's driver can, to at most what the server
        allows. `list` finds the box again by its `metadata`. With `snapshot`, an id or name, the box starts with the files of
        that snapshot. With `built`, an id or name, it starts from the image of a template that you built. `volumes` are
        storage that outlives the box, each with `volume`, `path` and, to write to it, `access`. `repositories` are fetched
        into its workspace: each a URL, optionally with `#` and a branch, tag or commit, or a `Repository`. `author` is the
        author of its commits. `services` are containers of other images next to its sandbox, such as a database, by name;
        `compose` is the text of a compose file instead of them.
        """
        request = _session_fields(
            title=title,
            model=model,
            template=template,
            lifetime=lifetime,
            idle_timeout=idle_timeout,
            egress=egress,
            size=size,
            metadata=metadata,
            snapshot=snapshot,
            built=built,
            volumes=volumes,
            repositories=repositories,
            author=author,
            services=services,
            compose=compose,
        )
        box = AsyncBox(self.server, (await self.server.mutate("sessions.create", request))["id"], env=env, own=not keep)
        try:
            await box.attach(files or {})
        except BaseException:
            await box.remove()  # its creator never received it
            raise
        return box

    async def box(
        self,
        name: str,
        *,
        title: str | None = None,
        model: str | None = None,
        template: str | None = None,
        env: Mapping[str, str] | None = None,
        lifetime: int | None = None,
        idle_timeout: int | None = None,
        egress: Literal["none"] | Sequence[str] | None = None,
        size: SandboxSize | None = None,
        metadata: Mapping[str, str] | None = None,
        snapshot: str | None = None,
        built: str | None = None,
        volumes: Sequence[VolumeMount] | None = None,
    ) -> AsyncBox:
        """Gets your box by name and starts or resumes it in the background, or creates it.

        The other arguments, which `new` explains, apply only to a new box. Two programs that call this at the same time get
        the same box. Leaving its `with` block keeps it.
        """
        request = _session_fields(
            title=title,
            model=model,
            template=template,
            lifetime=lifetime,
            idle_timeout=idle_timeout,
            egress=egress,
            size=size,
            metadata=metadata,
            snapshot=snapshot,
            built=built,
            volumes=volumes,
        )
        found = await self.server.mutate("sessions.named", {**request, "name": name})
        return AsyncBox(self.server, found["session"]["id"], env=env)

    async def list(self, *, metadata: Mapping[str, str] | None = None) -> AsyncGenerator[Session, None]:
        """The sessions that this caller can see, newest message first; only those with this metadata."""
        request: dict[str, Any] = {} if metadata is None else {"metadata": dict(metadata)}
        while True:
            page = await self.server.query("sessions.list", request)
            for one in page["items"]:
                yield Session(one["id"], one["title"], one["status"], one["metadata"], one["endsAt"], one["name"])
            if page["nextCursor"] is None:
                return
            request = {**request, "cursor": page["nextCursor"]}

    async def open(self, id: str) -> AsyncBox:
        """Opens the box of an existing session. Raises session_not_found."""
        return AsyncBox(self.server, (await self.server.query("sessions.get", {"id": id}))["id"])

    def memory(self, *, project: str | None = None, person: str | None = None) -> AsyncMemory:
        """The notes that outlive sessions: the caller's own, or those of a project or another person, by the id."""
        return AsyncMemory(self.server, project=project, person=person)

    async def build_template(
        self,
        name: str,
        dockerfile: str,
        *,
        folder: str | os.PathLike[str] | None = None,
        args: Mapping[str, str] | None = None,
        tags: Sequence[str] = (),
        fresh: bool = False,
        on_log: Callable[[BuildLogEntry], None] | None = None,
    ) -> TemplateBuild:
        """Builds a template, `name` or `name:tag`, from the text of a Dockerfile; a box starts from it with `built=name`.

        COPY takes files from `folder`. `args` are the values of its ARGs, and with `fresh` every step runs again. Returns when
        the build has ended: see its `status` and `reason`. Raises unsupported where this server builds none.
        """
        fields = {"dockerfile": dockerfile} if args is None else {"dockerfile": dockerfile, "args": dict(args)}
        plan = await self.server.mutate("templateBuilds.plan", fields)
        begun = await self.server.mutate("templateBuilds.begin", {"name": name, "tags": list(tags)})
        of = {"id": begun["template"]["id"], "build": begun["build"]["id"]}
        try:
            for step in plan["steps"]:
                if step["type"] == "COPY":
                    step["files"] = await self._upload(of["id"], folder, step["from"])
            request = {**of, "base": plan["base"], "steps": plan["steps"], "fresh": fresh}
            await self.server.mutate("templateBuilds.start", request)
            return await self._follow(of, on_log)
        except BaseException:
            try:
                await self.server.mutate("templateBuilds.cancel", of)
            except CorralError:
                pass  # the first failure counts
            raise

    async def _upload(self, template: str, folder: str | os.PathLike[str] | None, source: str) -> str:
        if folder is None:
            raise ValueError(f"COPY {source} takes files of a folder: give build_template its folder.")
        hash, archive = copied_files(folder, source)
        if not (await self.server.query("templateBuilds.hasFiles", {"id": template, "hash": hash}))["present"]:
            path = f"/api/v1/built-templates/{template}/files/{hash}"
            headers = {"content-type": "application/octet-stream"}
            await (await self.server.send("PUT", path, content=_body(archive), headers=headers)).aread()
        return hash

    async def _follow(self, of: Mapping[str, str], on_log: Callable[[BuildLogEntry], None] | None) -> TemplateBuild:
        offset = 0
        while True:
            reply = await self.server.query("templateBuilds.status", {**of, "offset": offset})
            offset += len(reply["log"])
            for one in reply["log"]:
                if on_log is not None:
                    on_log(BuildLogEntry(one["at"], one["level"], one["text"], one.get("step")))
            if reply["log"]:
                continue
            if reply["build"]["status"] in ("ready", "error"):
                return to_template_build(reply["build"])
            await asyncio.sleep(0.5)

    async def close(self) -> None:
        await self.server.close()


def _session_fields(
    *,
    title: str | None,
    model: str | None,
    template: str | None,
    lifetime: int | None,
    idle_timeout: int | None,
    egress: Literal["none"] | Sequence[str] | None,
    size: SandboxSize | None,
    metadata: Mapping[str, str] | None,
    snapshot: str | None,
    built: str | None,
    volumes: Sequence[VolumeMount] | None,
    repositories: Sequence[str | Repository] | None = None,
    author: GitPerson | None = None,
    services: Mapping[str, Service] | None = None,
    compose: str | None = None,
) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "title": title,
        "model": model,
        "template": template,
        "lifetimeSeconds": lifetime,
        "idleSeconds": idle_timeout,
        "egress": egress if egress is None or egress == "none" else list(egress),
        "size": size,
        "metadata": None if metadata is None else dict(metadata),
        "snapshot": snapshot,
        "built": built,
        "volumes": None if volumes is None else [dict(one) for one in volumes],
        "repositories": None if repositories is None else [to_repository(one) for one in repositories],
        "author": author,
        "services": None if services is None else {name: dict(one) for name, one in services.items()},
        "compose": compose,
    }
    return {name: value for name, value in fields.items() if value is not None}


async def _body(content: Content) -> AsyncGenerator[bytes, None]:
    for piece in pieces_of(content):
        yield piece


async def _frames(server: AsyncServer, answer: httpx.Response) -> AsyncGenerator[tuple[int, bytes], None]:
    frames = Frames()
    try:
        async for piece in answer.aiter_bytes():
            for frame in frames.feed(piece):
                yield frame
    except httpx.TransportError as cause:
        raise cut_off(server.address) from cause
    finally:
        await answer.aclose()


def _outcome(server: AsyncServer, payload: bytes) -> dict[str, Any]:
    reply: dict[str, Any] = json.loads(payload)
    if "error" in reply:
        raise from_server(server.address, reply["error"], str(reply["error"]["message"]))
    return reply


def _notify(callback: Callable[[str], object] | None, text: str) -> None:
    if callback is not None and text:
        callback(text)


def _json_of(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None
