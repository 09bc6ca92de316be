import { AppError } from '../../../src/core/errors/errors.ts';
import { formatShellPrompt } from '../../../src/core/model/prompt.ts';
import type { LazyConsoleEntry } from '../../../src/core/model/shell-console.ts';
import { countCompleteUtf8Bytes, countOrphanBytes } from '../../../src/core/text/arriving-text.ts';
import type { OperationEntry, OperationSpec } from '../../../src/sandboxes/client/client.ts';
import { daemonLimits } from '../daemon.ts';
import { tryReadLink } from '../files/read-if-any.ts';
import { awaitsInput } from '../processes/awaits-input.ts';
import { endProcessTree } from '../processes/end-processes.ts';
import { readOomKills } from '../processes/proc.ts';
import { findTreeMembers, type MarkedProcesses } from '../processes/process-tree.ts';
import { createOrphanRule, type DaemonState } from '../shared-state.ts';
import { captureShellState, type ShellState } from './shell-state.ts';
import { type OutputSpool, openOutputSpool } from './spool.ts';
import {
  createExitMarkerFinder,
  exitMarkerPrefix,
  isLongCommand,
  openCommandTerminal,
  removeCommandFile,
  type Terminal,
} from './terminal.ts';

interface TailBuffer {
  push(chunk: Uint8Array): void;
  text(): string;
  /** Frees unused memory. Until the next `push`, `text` includes an incomplete last character. */
  close(): void;
}

export function createTailBuffer(cap: number): TailBuffer {
  let buffer = Buffer.alloc(0);
  let length = 0;
  let isCut = false;
  let isClosed = false;

  const room = (more: number) => {
    if (length + more <= buffer.length) return;
    const kept = Math.min(length, cap);
    // Double the buffer, so that copying is rare even with small chunks.
    const bigger = Buffer.allocUnsafeSlow(Math.min(2 * cap, Math.max(2 * (kept + more), 1024)));
    const target = bigger.length >= kept + more && buffer.length !== bigger.length ? bigger : buffer;
    buffer.copy(target, 0, length - kept, length);
    buffer = target;
    length = kept;
  };
  const view = () => buffer.subarray(Math.max(0, length - cap), length);
  /** Omits partial characters at the start and, until `close`, at the end. */
  const text = () => {
    const bytes = view();
    return bytes
      .subarray(isCut ? countOrphanBytes(bytes) : 0, isClosed ? bytes.length : countCompleteUtf8Bytes(bytes))
      .toString();
  };

  return {
    push(chunk) {
      const last = chunk.subarray(Math.max(0, chunk.length - cap));
      room(last.length);
      buffer.set(last, length);
      length += last.length;
      isCut ||= last.length < chunk.length || length > cap;
      isClosed = false;
    },
    text,
    close() {
      isClosed = true;
      buffer = Buffer.from(view());
      length = buffer.length;
    },
  };
}

export interface RunningOperation {
  now(): OperationEntry;
  asks(): boolean;
  readonly spool: OutputSpool;
  readonly tag: string | undefined;
  readonly shown: LazyConsoleEntry;
  change(): Promise<void>;
  write(text: string): void;
  /** Resolves once every process that the operation started is gone. */
  end(reason: 'timed_out' | 'killed', within?: PendingRunStop): Promise<void>;
  /** Resolves with the folder and environment that the shell reported, if any. */
  readonly ended: Promise<ShellState | undefined>;
}

export interface PendingRunStop {
  readonly processes: Promise<number>;
  readonly seen: Set<string>;
}

const tailBytes = 64 * 1024;
const lingerMs = 5_000;
const keeperGraceMs = 2_000;
const overflowPauseMs = 5;
const quietMs = 1_000; // a silent command that is reading its input counts as waiting after this time
const maxUnread = 1024 * 1024;
const inputGraceMs = 60_000;

export async function launchOperation(
  parts: DaemonState,
  request: OperationSpec,
  standing: ShellState,
): Promise<RunningOperation> {
  const { clock, place, stateDir, keepers } = parts;
  const { id, tag } = request;
  const spoolPath = `.corral/output/${id}.log`;
  const recent = createTailBuffer(tailBytes);
  const shown = {
    ps1: formatShellPrompt(place.root, standing.cwd),
    command: request.command.slice(0, daemonLimits.shownChars),
    text: () => recent.text(),
  };
  const begunAt = clock.now();
  const marked = (strays: MarkedProcesses['strays']): MarkedProcesses => ({
    name: 'CORRAL_OPERATION',
    value: id,
    strays,
  });
  const mark = `${parts.bootId}.${id}.`;
  const oomBefore = readOomKills();
  let operation: OperationEntry = { id, state: 'running', bytes: 0, spool: spoolPath, pid: 0, startedAt: begunAt };
  let reason: OperationEntry['reason'];
  let bell = Promise.withResolvers<void>();
  const ring = () => {
    bell.resolve();
    bell = Promise.withResolvers();
  };
  const finished = Promise.withResolvers<ShellState | undefined>();

  const record = () =>
    parts.journal.record({
      operation,
      shell: request.shell,
      ps1: shown.ps1,
      command: request.command.slice(0, 500),
      ...(tag === undefined ? {} : { tag }),
    });
  record(); // a crash must not leave the command unrecorded

  const spool = await openOutputSpool(place, spoolPath, parts.spoolCap);
  const terminal = await openCommandTerminal(parts, request, standing, mark);
  if (terminal) {
    keepers.hold(terminal);
    operation = { ...operation, pid: terminal.pid, ...(terminal.isTerminal ? {} : { terminal: false }) };
    record();
  }

  let printed = { at: begunAt, hasOpenLine: false };
  const asks = () => {
    if (!terminal || operation.state !== 'running' || clock.now() - printed.at < quietMs) return false;
    const { members } = findTreeMembers(
      marked(() => false),
      keepers.spared,
    );
    const pipe = terminal.isTerminal ? undefined : tryReadLink(`/proc/${terminal.pid}/fd/0`);
    return awaitsInput({ members, pipe, hasOpenLine: printed.hasOpenLine });
  };

  const keep = async (chunk: Buffer) => {
    if (chunk.length === 0) return;
    parts.touch();
    printed = { at: clock.now(), hasOpenLine: chunk.at(-1) !== 0x0a };
    recent.push(chunk);
    await spool.append(chunk);
    // Output beyond the cap is discarded. The pause slows the command down.
    if (spool.full) await wait(overflowPauseMs);
    operation = { ...operation, bytes: spool.bytes };
    ring();
  };
  let ending: Promise<unknown> | undefined;
  const finish = async (measured: number) => {
    clock.clearTimeout(timer);
    if (ending) await ending; // a killed command is treated as exited only once its last process is gone
    void spool.close();
    const stands = captureShellState(stateDir, id, request.shell);
    if (isLongCommand(request.command)) void removeCommandFile(stateDir, id).catch(() => {});
    if (reason === undefined && measured === 137 && readOomKills() > oomBefore) reason = 'oom';
    const exitCode = reason === 'timed_out' ? 124 : measured;
    operation = {
      ...operation,
      state: 'exited',
      exitCode,
      bytes: spool.bytes,
      endedAt: clock.now(),
      ...(reason && { reason }),
    };
    recent.close();
    record();
    ring();
    finished.resolve(stands);
  };

  const read = async (from: Terminal) => {
    const finder = createExitMarkerFinder(`${exitMarkerPrefix}${mark}`);
    let over = false;
    try {
      for await (const chunk of from.output) {
        // Output from background processes appears only in the console.
        if (over) recent.push(chunk);
        else {
          const { before, exitCode, after } = finder.push(chunk);
          await keep(before);
          if (exitCode === undefined) continue;
          over = true;
          void finish(exitCode);
          if (after.length > 0) recent.push(after);
          void linger(from);
        }
      }
    } catch {}
    if (over) return;
    await keep(finder.rest());
    await finish(await from.closed.catch(() => 137));
  };

  const linger = async (from: Terminal) => {
    const mine = marked(() => false);
    for (let open = findTreeMembers(mine, keepers.spared); open.members.length + open.undecided.length > 0; ) {
      await wait(lingerMs);
      open = findTreeMembers(mine, keepers.spared);
    }
    await keepers.close(from);
  };

  const end: RunningOperation['end'] = async (why, within) => {
    if (operation.state === 'running') reason ??= why;
    // Repeat, because right after a start, the process to kill might not exist yet.
    const tree = marked(createOrphanRule(parts, begunAt));
    const endMine = () => endProcessTree(tree, { spared: keepers.spared, ...(within && { seen: within.seen }) });
    let round = within?.processes ?? endMine(); // the run's processes include the operation's
    ending ??= round;
    for (let patience = performance.now() + keeperGraceMs; ; round = endMine()) {
      if ((await round) > 0) patience = performance.now() + keeperGraceMs;
      await Promise.race([finished.promise, wait(20)]);
      if (operation.state === 'exited') return;
      if (performance.now() > patience) break;
    }
    terminal?.close(); // all processes are dead, but the keeper has not reported the exit
    await finished.promise;
  };
  // A command that is waiting for user input does not time out.
  const expire = () => {
    if (asks()) timer = clock.setTimeout(expire, inputGraceMs);
    else void end('timed_out');
  };
  let timer =
    request.timeoutMs === undefined ? undefined : clock.setTimeout(expire, Math.min(request.timeoutMs, 2 ** 31 - 1));

  if (terminal) void read(terminal);
  else {
    await keep(
      Buffer.from('The command could not be started: the sandbox has reached its process limit, or has no shell.\n'),
    );
    await finish(126);
  }
  return {
    now: () => operation,
    asks,
    spool,
    tag,
    shown,
    change: () => bell.promise,
    write(text) {
      const input = terminal?.input;
      if ((input?.writableLength ?? 0) + text.length > maxUnread) {
        throw new AppError('conflict', 'The command is not reading its input: over 1 MiB is waiting.');
      }
      input?.write(text);
    },
    end,
    ended: finished.promise,
  };
}

const wait = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
