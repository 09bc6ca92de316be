"""The client of a Corral server: `Corral` blocks, `AsyncCorral` is for asyncio; both have the same methods."""

from ._async import AsyncBox, AsyncCorral, AsyncFiles, AsyncMemory, AsyncPort, AsyncRun, AsyncTerminal
from ._errors import CorralError
from ._sync import Box, Corral, Files, Memory, Port, Run, Terminal
from ._wire import (
    Event,
    ExecResult,
    FileChange,
    FileEntry,
    GoalEnd,
    ListeningPort,
    Note,
    NoteVersion,
    Preview,
    RunResult,
    SandboxSize,
    SandboxStatus,
    Session,
    Snapshot,
)

__all__ = [
    "AsyncBox",
    "AsyncCorral",
    "AsyncFiles",
    "AsyncMemory",
    "AsyncPort",
    "AsyncRun",
    "AsyncTerminal",
    "Box",
    "Corral",
    "CorralError",
    "Event",
    "ExecResult",
    "FileChange",
    "FileEntry",
    "Files",
    "GoalEnd",
    "ListeningPort",
    "Memory",
    "Note",
    "NoteVersion",
    "Port",
    "Preview",
    "Run",
    "RunResult",
    "SandboxSize",
    "SandboxStatus",
    "Session",
    "Snapshot",
    "Terminal",
]
