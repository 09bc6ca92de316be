import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Operation, StartOperation } from '../../src/sandbox/client.ts';
import { oomKills } from './cgroup.ts';
import { marks, prompt } from './environment.ts';
import { endTree, type Tree, treeOf } from './kill.ts';
import type { Parts } from './parts.ts';
import { openSpool, type Spool } from './spool.ts';
import { type Standing, takeStanding } from './standing.ts';
import { tail } from './tail.ts';
import { markFinder, openPipes, openTerminal, type Terminal, type TerminalSpec } from './terminal.ts';

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
  end(reason: 'timed_out' | 'killed'): Promise<void>;
  /** With where the shell stands then, when it told. */
  readonly ended: Promise<Standing | undefined>;
}

const tailBytes = 64 * 1024;
const longCommand = 100_000; // bytes; the kernel takes 128 KiB for one argument
const lingerMs = 5_000;
const keeperGraceMs = 500;
/** Starts the command and follows it to its end, whoever asks about it meanwhile. */
export async function launch(parts: Parts, request: StartOperation, standing: Standing): Promise<Live> {
  const { clock, place, stateDir, keepers } = parts;
  const { id, tag } = request;
  const spoolPath = `.corral/output/${id}.log`;
  const statePath = join(stateDir, `${id}.state`);
  const recent = tail(tailBytes);
  const shown = { ps1: prompt(place.root, standing.cwd), command: request.command, text: () => recent.text() };
  const tree: Tree = { name: 'CORRAL_OPERATION', value: id };
  const mark = `\x1e${parts.bootId}.${id}.`;
  const oomBefore = oomKills();
  let operation: Operation = { id, state: 'running', bytes: 0, spool: spoolPath, pid: 0, startedAt: clock.now() };
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
  const spec: TerminalSpec = {
    command: await commandFor(request, stateDir),
    cwd: standing.cwd,
    env: {
      ...(standing.env ?? parts.env),
      ...marks(id, tag),
      CORRAL_SANDBOX_ID: parts.env.CORRAL_SANDBOX_ID,
      CORRAL_STATE: statePath,
      BASH_ENV: join(stateDir, 'shell.bash'),
    },
    mark,
  };
  const terminal = await openTerminal(spec)
    .catch(() => openPipes(spec))
    .catch(() => undefined);
  if (terminal) {
    keepers.add(terminal.pid);
    operation = { ...operation, pid: terminal.pid };
    record();
  }

  const keep = async (chunk: Buffer) => {
    if (chunk.length === 0) return;
    parts.touch();
    recent.push(chunk);
    await spool.append(chunk);
    operation = { ...operation, bytes: spool.bytes };
    ring();
  };
  const finish = async (measured: number) => {
    clock.clearTimeout(timer);
    await spool.close();
    const stands = await takeStanding(stateDir, statePath, request.shell);
    await rm(join(stateDir, `${id}.sh`), { force: true });
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
    const finder = markFinder(mark);
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
    while (treeOf(tree, keepers.spared).length > 0) {
      await wait(lingerMs);
    }
    from.close();
    keepers.delete(from.pid);
  };

  const end: Live['end'] = async (why) => {
    if (operation.state === 'running') reason ??= why;
    // Asked again while it goes on: right after the start there may be nothing yet that could hear it.
    const patience = performance.now() + keeperGraceMs;
    do {
      await endTree(tree, keepers.spared);
      await Promise.race([finished.promise, wait(10)]);
    } while (operation.state === 'running' && performance.now() < patience);
    // All of it is dead and its keeper still does not say so: then the keeper goes too.
    if (operation.state === 'running') terminal?.close();
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
    write: (text) => void terminal?.input.write(text),
    end,
    ended: finished.promise,
  };
}

const wait = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms).unref());

async function commandFor({ id, command }: StartOperation, stateDir: string): Promise<TerminalSpec['command']> {
  if (Buffer.byteLength(command) < longCommand) return command;
  const file = join(stateDir, `${id}.sh`);
  await writeFile(file, command);
  return { file };
}
