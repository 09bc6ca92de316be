"""The client of a Corral server: `Corral` blocks, `AsyncCorral` is for asyncio; both have the same methods."""

from ._async import AsyncBox, AsyncCorral, AsyncFiles, AsyncPort, AsyncRun, AsyncTerminal
from ._errors import CorralError
from ._sync import Box, Corral, Files, Port, Run, Terminal
from ._wire import (
    Event,
    ExecResult,
    FileChange,
    FileEntry,
    GoalEnd,
    ListeningPort,
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
