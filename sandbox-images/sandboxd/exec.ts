import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { AppError } from '../../src/core/errors.ts';
import type { ExecResult } from '../../src/sandbox/client.ts';
import { commandLine, removeCommand } from './command-terminal.ts';
import { type ExecRequest, limits } from './daemon.ts';
import { endTree } from './end-processes.ts';
import { marks } from './environment.ts';
import { type SharedState, straysSince } from './shared-state.ts';
import { startFolder } from './shell-state.ts';

/** Runs one command over pipes. There is no login shell and no process between, so a call costs little more than a fork. */
export function executor(parts: SharedState) {
  let count = 0;

  return async (request: ExecRequest, signal: AbortSignal): Promise<ExecResult> => {
    const { clock, place, stateDir, keepers } = parts;
    const id = `exec-${parts.bootId}-${count++}`;
    const command = await commandLine(stateDir, id, request.command);
    const cwd = request.cwd === undefined ? place.root : await startFolder(place, request, { cwd: place.root });
    const child = spawn('bash', typeof command === 'string' ? ['-c', command] : [command.file], {
      cwd,
      env: { ...parts.env, ...marks(id, request.tag) },
      detached: true, // its own session, which identifies its descendants
      stdio: [request.stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    });
    const stdout = collect(child.stdout);
    const stderr = collect(child.stderr);
    child.stdin?.on('error', () => {}); // the command can exit before it has read all of its input
    child.stdin?.end(request.stdin);

    let timedOut = false;
    const begunAt = clock.now();
    const end = () => {
      const tree = { name: 'CORRAL_OPERATION', value: id, strays: straysSince(parts, begunAt) } as const;
      void endTree(tree, { spared: keepers.spared });
    };
    const expire = () => {
      timedOut = true;
      end();
    };
    const { timeoutMs } = request;
    const timer = timeoutMs === undefined ? undefined : clock.setTimeout(expire, Math.min(timeoutMs, 2 ** 31 - 1));
    signal.addEventListener('abort', end, { once: true });
    if (signal.aborted) end(); // the caller left before the command started
    try {
      const code = await exitCode(child);
      await quiet(child, [stdout, stderr]);
      parts.touch();
      return { exitCode: timedOut ? 124 : code, stdout: stdout.text(), stderr: stderr.text(), timedOut };
    } finally {
      clock.clearTimeout(timer);
      signal.removeEventListener('abort', end);
      if (typeof command !== 'string') await removeCommand(stateDir, id);
    }
  };
}

const signals: Partial<Record<NodeJS.Signals, number>> = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGKILL: 9, SIGTERM: 15 };

async function exitCode(child: ChildProcess): Promise<number> {
  try {
    const [code, name] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
    return code ?? 128 + ((name && signals[name]) ?? 1);
  } catch (cause) {
    throw new AppError('internal', 'The sandbox could not start a process; it may have reached its limit.', { cause });
  }
}

interface Collected {
  readonly seen: number;
  text(): string;
}

/** Keeps the first MiB. Reads the rest too, because the command would otherwise block. */
function collect(stream: Readable | null): Collected {
  const parts: Buffer[] = [];
  let seen = 0;
  let answered = false;
  stream?.on('data', (chunk: Buffer) => {
    const room = limits.execBytes - seen;
    if (room > 0 && !answered) parts.push(chunk.length > room ? chunk.subarray(0, room) : chunk);
    seen += chunk.length;
  });
  stream?.on('error', () => {});
  return {
    get seen() {
      return seen;
    },
    text() {
      answered = true; // output of background children is still read, and dropped
      return Buffer.concat(parts.splice(0)).toString();
    },
  };
}

/** Resolves once both streams are closed, or have nothing more to read while a background child keeps them open. */
async function quiet(child: ChildProcess, streams: readonly Collected[]): Promise<void> {
  const open = () => [child.stdout, child.stderr].some((stream) => stream && !stream.closed);
  const seen = () => streams.reduce((sum, stream) => sum + stream.seen, 0);
  for (let still = 0, before = seen(); still < 3 && open(); ) {
    await new Promise(setImmediate); // after one turn of the event loop, everything readable was read
    still = seen() === before ? still + 1 : 0;
    before = seen();
  }
}
