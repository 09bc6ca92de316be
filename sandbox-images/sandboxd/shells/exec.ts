import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { AppError } from '../../../src/core/errors/errors.ts';
import { countCompleteUtf8Bytes } from '../../../src/core/text/arriving-text.ts';
import type { ExecResult } from '../../../src/sandboxes/client/client.ts';
import { daemonLimits, type ExecRequest } from '../daemon.ts';
import { startInFolder } from '../files/byte-names.ts';
import { endProcessTree } from '../processes/end-processes.ts';
import { toExitCode } from '../processes/program-pipes.ts';
import { createOrphanRule, type DaemonState } from '../shared-state.ts';
import { createOperationVariables } from './environment.ts';
import { resolveStartFolder } from './shell-state.ts';
import { type OutputSpool, openOutputSpool } from './spool.ts';
import { prepareCommandLine, removeCommandFile } from './terminal.ts';

/** Runs `bash` directly, so a call costs little more than a fork. */
export function createExecutor(parts: DaemonState) {
  let count = 0;

  return async (request: ExecRequest, signal: AbortSignal): Promise<ExecResult> => {
    const { clock, place, stateDir, keepers } = parts;
    const id = `exec-${parts.bootId}-${count++}`;
    const command = await prepareCommandLine(stateDir, id, request.command);
    const folder =
      request.cwd === undefined ? place.root : await resolveStartFolder(place, request, { cwd: place.root });
    const child = await startInFolder(folder, (cwd) =>
      spawn('bash', typeof command === 'string' ? ['-c', command] : [command.file], {
        cwd,
        env: { ...parts.env, ...createOperationVariables(id, request.tag) },
        detached: true, // the command's own session identifies its descendants
        stdio: [request.stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      }),
    );
    const whole = (stream: string) => {
      const file = `.corral/output/${id}.${stream}`;
      // Capped at the largest file that clients can read.
      return { file, open: () => openOutputSpool(place, file, Math.min(parts.spoolCap, daemonLimits.fileBytes)) };
    };
    const stdout = collect(child.stdout, whole('stdout'));
    const stderr = collect(child.stderr, whole('stderr'));
    child.stdin?.on('error', () => {});
    child.stdin?.end(request.stdin);

    let timedOut = false;
    let ending: Promise<unknown> | undefined;
    const begunAt = clock.now();
    const end = () => {
      const tree = { name: 'CORRAL_OPERATION', value: id, strays: createOrphanRule(parts, begunAt) } as const;
      ending = endProcessTree(tree, { spared: keepers.spared });
    };
    const expire = () => {
      timedOut = true;
      end();
    };
    const { timeoutMs } = request;
    const timer = timeoutMs === undefined ? undefined : clock.setTimeout(expire, Math.min(timeoutMs, 2 ** 31 - 1));
    signal.addEventListener('abort', end, { once: true });
    if (signal.aborted) end();
    try {
      const code = await exitCode(child);
      await ending; // after a kill, respond only once the command's last process is gone
      await quiet(child, [stdout, stderr]);
      parts.touch();
      const [out, errors] = [await stdout.end(), await stderr.end()];
      const ended = { exitCode: timedOut ? 124 : code, stdout: out.text, stderr: errors.text, timedOut };
      if ((out.file ?? errors.file) === undefined) return ended;
      return {
        ...ended,
        wholeIn: { ...(out.file && { stdout: out.file }), ...(errors.file && { stderr: errors.file }) },
      };
    } finally {
      clock.clearTimeout(timer);
      signal.removeEventListener('abort', end);
      if (typeof command !== 'string') await removeCommandFile(stateDir, id);
    }
  };
}

async function exitCode(child: ChildProcess): Promise<number> {
  try {
    const [code, name] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
    return toExitCode(code, name);
  } catch (cause) {
    throw new AppError('internal', 'The sandbox could not start a process; it may have reached its limit.', { cause });
  }
}

interface CollectedOutput {
  readonly seen: number;
  /** Resolves when all output read so far is stored. */
  settled(): Promise<void>;
  end(): Promise<{ readonly text: string; readonly file?: string }>;
}

/** Output longer than `execBytes` is also stored in a file. */
function collect(
  stream: Readable | null,
  whole: { readonly file: string; open(): Promise<OutputSpool> },
): CollectedOutput {
  const parts: Buffer[] = [];
  let seen = 0;
  let kept = 0;
  let hasEnded = false;
  let spool: OutputSpool | undefined;
  let writing = Promise.resolve();

  const spill = async (rest: Buffer) => {
    if (!spool) {
      spool = await whole.open();
      for (const part of parts) await spool.append(part);
    }
    await spool.append(rest);
  };
  stream?.on('data', (chunk: Buffer) => {
    seen += chunk.length;
    if (hasEnded) return;
    const fits = chunk.subarray(0, daemonLimits.execBytes - kept);
    const rest = chunk.subarray(fits.length);
    kept += fits.length;
    if (fits.length > 0) parts.push(fits);
    if (rest.length === 0) return;
    stream.pause();
    writing = writing.then(() => spill(rest)).finally(() => stream.resume());
  });
  stream?.on('error', () => {});
  return {
    get seen() {
      return seen;
    },
    settled: () => writing,
    async end() {
      hasEnded = true;
      await writing;
      await spool?.close();
      const bytes = Buffer.concat(parts.splice(0));
      if (!spool) return { text: bytes.toString() };
      return { text: bytes.subarray(0, countCompleteUtf8Bytes(bytes)).toString(), file: whole.file };
    },
  };
}

/** A background child can keep the streams open after all output is read. */
async function quiet(child: ChildProcess, streams: readonly CollectedOutput[]): Promise<void> {
  const open = () => [child.stdout, child.stderr].some((stream) => stream && !stream.closed);
  const seen = () => streams.reduce((sum, stream) => sum + stream.seen, 0);
  for (let still = 0, before = seen(); still < 3 && open(); ) {
    for (const stream of streams) await stream.settled();
    await new Promise(setImmediate); // three event-loop turns without new data mean that no output is left
    still = seen() === before ? still + 1 : 0;
    before = seen();
  }
}
