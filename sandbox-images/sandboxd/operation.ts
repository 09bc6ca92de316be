import { AppError } from '../../src/core/errors.ts';
import { prompt } from '../../src/core/prompt.ts';
import type { Operation, StartOperation } from '../../src/sandbox/client.ts';
import { oomKills } from './cgroup.ts';
import { limits } from './daemon.ts';
import { endTree } from './kill.ts';
import { openFor, removeCommand } from './opening.ts';
import { type Parts, straysSince } from './parts.ts';
import { openSpool, type Spool } from './spool.ts';
import { type Standing, takeStanding } from './standing.ts';
import { tail } from './tail.ts';
import { markFinder, markStart, type Terminal } from './terminal.ts';
import { type Marked, treeOf } from './tree.ts';

export interface Shown {
  readonly ps1: string;
  readonly command: string;
  text(): string | Promise<string>;
}
export interface Live {
  now(): Operation;
  readonly spool: Spool;
  readonly tag: string | undefined;
  /** What a console shows of it. */
  readonly shown: Shown;
  /** Resolves whenever there is more output, or it ended. */
  change(): Promise<void>;
  write(text: string): void;
  /** Resolves when all that it started is gone, which is added to `met`. */
  end(reason: 'timed_out' | 'killed', met?: Set<string>): Promise<void>;
  /** With where the shell stands then, when it told. */
  readonly ended: Promise<Standing | undefined>;
}

const tailBytes = 64 * 1024;
const lingerMs = 5_000;
const keeperGraceMs = 2_000;
const overflowPauseMs = 5;
const maxUnread = 1024 * 1024;

/** Starts the command and follows it to its end, whoever asks about it meanwhile. */
export async function launch(parts: Parts, request: StartOperation, standing: Standing): Promise<Live> {
  const { clock, place, stateDir, keepers } = parts;
  const { id, tag } = request;
  const spoolPath = `.corral/output/${id}.log`;
  const recent = tail(tailBytes);
  const shown = {
    ps1: prompt(place.root, standing.cwd),
    command: request.command.slice(0, limits.shownChars),
    text: () => recent.text(),
  };
  const begunAt = clock.now();
  const marked = (strays: Marked['strays']): Marked => ({ name: 'CORRAL_OPERATION', value: id, strays });
  const mark = `${parts.bootId}.${id}.`;
  const oomBefore = oomKills();
  let operation: Operation = { id, state: 'running', bytes: 0, spool: spoolPath, pid: 0, startedAt: begunAt };
  let reason: Operation['reason'];
  let bell = Promise.withResolvers<void>();
  const ring = () => {
    bell.resolve();
    bell = Promise.withResolvers();
  };
  const finished = Promise.withResolvers<Standing | undefined>();

  const record = () =>
    parts.journal.record({
      operation,
      shell: request.shell,
      ps1: shown.ps1,
      command: request.command.slice(0, 500),
      ...(tag === undefined ? {} : { tag }),
    });
  record(); // before anything runs: started is started, even when we die in the next line

  const spool = await openSpool(place, spoolPath, parts.spoolCap);
  const terminal = await openFor(parts, request, standing, mark);
  if (terminal) {
    keepers.add(terminal.pid);
    operation = { ...operation, pid: terminal.pid, ...(terminal.isTerminal ? {} : { terminal: false }) };
    record();
  }

  const keep = async (chunk: Buffer) => {
    if (chunk.length === 0) return;
    parts.touch();
    recent.push(chunk);
    await spool.append(chunk);
    // Nothing of it is kept any more: whoever prints without end is slowed down, and leaves others the processor.
    if (spool.full) await wait(overflowPauseMs);
    operation = { ...operation, bytes: spool.bytes };
    ring();
  };
  const finish = async (measured: number) => {
    clock.clearTimeout(timer);
    await spool.close();
    const stands = await takeStanding(stateDir, id, request.shell);
    await removeCommand(stateDir, id);
    if (reason === undefined && measured === 137 && oomKills() > oomBefore) reason = 'oom';
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
    const finder = markFinder(`${markStart}${mark}`);
    let over = false;
    try {
      for await (const chunk of from.output) {
        // What the command left in the background may still print: for the console, no longer for the operation.
        if (over) recent.push(chunk);
        else {
          const { before, exitCode, after } = finder.push(chunk);
          await keep(before);
          if (exitCode === undefined) continue;
          over = true;
          await finish(exitCode);
          if (after.length > 0) recent.push(after);
          void linger(from);
        }
      }
    } catch {} // closed by us
    keepers.delete(from.pid);
    if (over) return;
    await keep(finder.rest());
    await finish(await from.closed.catch(() => 137));
  };

  /** Keeps the terminal for background processes, and only for them. */
  const linger = async (from: Terminal) => {
    while (
      treeOf(
        marked(() => false),
        keepers.spared,
      ).length > 0
    )
      await wait(lingerMs);
    const forget = keepers.dismiss(from.pid);
    from.close();
    await wait(1_000);
    forget();
  };

  const end: Live['end'] = async (why, met) => {
    if (operation.state === 'running') reason ??= why;
    // Again while it goes on: right after the start there may be nothing yet that could hear it.
    const tree = marked(straysSince(parts, begunAt));
    for (let patience = performance.now() + keeperGraceMs; ; ) {
      if ((await endTree(tree, { spared: keepers.spared, ...(met && { met }) })) > 0)
        patience = performance.now() + keeperGraceMs;
      await Promise.race([finished.promise, wait(20)]);
      if (operation.state === 'exited') return;
      if (performance.now() > patience) break;
    }
    terminal?.close(); // all of it is dead, and its keeper does not say so
    await finished.promise;
  };
  const timer =
    request.timeoutMs === undefined
      ? undefined
      : clock.setTimeout(() => void end('timed_out'), Math.min(request.timeoutMs, 2 ** 31 - 1));

  if (terminal) void read(terminal);
  else {
    await keep(Buffer.from('The command could not be started: the sandbox has no process to spare, or no shell.\n'));
    await finish(126);
  }
  return {
    now: () => operation,
    spool,
    tag,
    shown,
    change: () => bell.promise,
    write(text) {
      const input = terminal?.input;
      if ((input?.writableLength ?? 0) + text.length > maxUnread) {
        throw new AppError('conflict', 'The command does not read what was typed before; over 1 MiB of it waits.');
      }
      input?.write(text);
    },
    end,
    ended: finished.promise,
  };
}

const wait = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
