import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Duplex, type Readable, type Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { neverAbortingSignal } from '../../../src/core/concurrency/cancel.ts';
import { Semaphore } from '../../../src/core/concurrency/semaphore.ts';
import { AppError } from '../../../src/core/errors/errors.ts';
import { toPipeFrames } from '../../../src/core/text/pipe-frames.ts';
import type { JobEnd, JobEntry, JobSpec, TerminalSize } from '../../../src/sandboxes/client/abilities.ts';
import { type Daemon, daemonLimits } from '../daemon.ts';
import { isFolder, startInFolder, toSystemPath } from '../files/byte-names.ts';
import { resolveAbsolutePath } from '../paths/entries.ts';
import { endProcessTree, sendSignals } from '../processes/end-processes.ts';
import type { ProcessStat } from '../processes/proc.ts';
import { findTreeMembers } from '../processes/process-tree.ts';
import { parseEnvironmentLines, toProgramStartError } from '../processes/programs.ts';
import { createBadRequestError } from '../server/body-fields.ts';
import { createOrphanRule, type DaemonState } from '../shared-state.ts';
import { createOperationVariables } from '../shells/environment.ts';
import { markTerminalsOpened } from '../shells/recover.ts';
import { resizeTty, waitForTerminalProgram } from '../shells/terminal.ts';

interface StartedJob {
  readonly pid: number;
  /** Pid of `script`, which holds the terminal. Undefined for pipes. */
  readonly keeper: number | undefined;
  readonly input: Writable;
  readonly outputs: readonly { readonly channel: 'output' | 'errors'; readonly stream: Readable }[];
  /** Can resolve before all output is read. */
  readonly exited: Promise<JobEnd>;
  readonly resize: ((size: TerminalSize) => Promise<void>) | undefined;
}
interface JobEnvironment {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
}

async function startJob(job: JobSpec, place: JobEnvironment): Promise<StartedJob> {
  const [program = '', ...args] = job.argv;
  if (job.terminal) return await onTerminal(job.argv, job.terminal, place);
  const child = await spawned(program, args, place);
  const { stdout, stderr, stdin } = child;
  if (job.input === false) stdin.end();
  return {
    pid: child.pid ?? 0,
    keeper: undefined,
    input: stdin,
    exited: waitForEnd(child),
    resize: undefined,
    outputs: [
      { channel: 'output', stream: stdout },
      { channel: 'errors', stream: stderr },
    ],
  };
}

async function onTerminal(
  argv: readonly string[],
  size: TerminalSize,
  { cwd, env }: JobEnvironment,
): Promise<StartedJob> {
  const shell = env.SHELL ?? '/bin/bash';
  const command = `stty cols ${size.cols} rows ${size.rows}; SHELL=${quoted(shell)} exec ${argv.map(quoted).join(' ')}`;
  const own = { ...env, SHELL: '/bin/sh', TERM: env.TERM === 'dumb' ? 'xterm-256color' : env.TERM };
  const child = await spawned('script', ['-qefE', 'always', '-c', command, '/dev/null'], { cwd, env: own });
  const { pid, device } = await programOn(child).catch((thrown: unknown) => {
    child.kill('SIGKILL');
    throw thrown;
  });
  child.stderr.resume();
  return {
    pid,
    keeper: child.pid,
    input: child.stdin,
    exited: waitForEnd(child),
    outputs: [{ channel: 'output', stream: child.stdout }],
    resize: (size) => resizeTty(device, size),
  };
}

async function spawned(program: string, args: readonly string[], { cwd: folder, env }: JobEnvironment) {
  const child: ChildProcessWithoutNullStreams = await startInFolder(folder, (cwd) =>
    spawn(program, args, { cwd, env, detached: true, stdio: 'pipe' }),
  );
  child.stdin.on('error', () => {}); // the program closed its input or has ended
  await once(child, 'spawn').catch((cause: unknown) => {
    throw program === 'script'
      ? new AppError('unsupported', 'This sandbox cannot open terminals: its image has no `script`.', { cause })
      : toProgramStartError(program, cause, env.PATH);
  });
  return child;
}

async function waitForEnd(child: ChildProcessWithoutNullStreams): Promise<JobEnd> {
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  return signal ? { exitCode: -1, signal } : { exitCode: code ?? -1 };
}

async function programOn(child: ChildProcessWithoutNullStreams) {
  const isProgram = ({ ppid, zombie }: ProcessStat) => ppid === child.pid && !zombie;
  const found = await waitForTerminalProgram(isProgram, () => child.exitCode !== null);
  if (found) return found;
  throw new AppError('sandbox_unavailable', 'The sandbox could not start the program; it may have reached its limits.');
}

const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

/** Except for the first reader (see `firstReaderMs`), each reader gets only output that arrives after it joins. */
interface Readers {
  /** A reader that joins after the job has ended gets only the end frame. */
  join(): Duplex;
  end(how: object): void;
}

/** A reader with more unread bytes than this blocks the job. */
const maxWaiting = 1024 * 1024;
/** How long output waits for the first reader. After that, unread output is lost. */
const firstReaderMs = 30_000;

function readers(
  outputs: readonly { readonly channel: 'output' | 'errors'; readonly stream: Readable }[],
  touch: () => void,
): Readers {
  const all = new Set<Duplex>();
  const full = new Set<Duplex>();
  let isOpen = false;
  let last: Buffer | undefined;

  const flow = () => {
    for (const { stream } of outputs) {
      if (isOpen && full.size === 0) stream.resume();
      else stream.pause();
    }
  };
  const open = () => {
    clearTimeout(timer);
    isOpen = true;
    flow();
  };
  const timer = setTimeout(open, firstReaderMs);
  for (const { channel, stream } of outputs) {
    stream.on('data', (chunk: Buffer) => {
      if (!isOpen) {
        // Node resumes a child's pipes on exit, even without a reader.
        stream.pause();
        return void stream.unshift(chunk);
      }
      touch();
      const frame = toPipeFrames(channel, chunk);
      for (const reader of all) if (!reader.push(frame)) full.add(reader);
      if (full.size > 0) flow();
    });
    stream.on('error', () => {});
  }
  flow();

  return {
    join() {
      const reader: Duplex = new Duplex({
        readableHighWaterMark: maxWaiting,
        read() {
          if (full.delete(reader)) flow();
        },
        write: (_chunk, _encoding, done) => done(),
        destroy(error, done) {
          all.delete(reader);
          if (full.delete(reader)) flow();
          done(error);
        },
      });
      reader.on('error', () => {});
      if (last) {
        reader.push(last);
        reader.push(null);
      } else {
        all.add(reader);
        open();
      }
      return reader;
    },
    end(how) {
      clearTimeout(timer);
      last = toPipeFrames('end', Buffer.from(JSON.stringify(how)));
      for (const reader of all) {
        reader.push(last);
        reader.push(null);
      }
      all.clear();
    },
  };
}

export type JobOperations = Pick<
  Daemon,
  'startJob' | 'jobs' | 'attachJob' | 'writeJob' | 'endJobInput' | 'resizeJob' | 'signalJob'
>;
interface OpenJob {
  readonly request: JobSpec;
  readonly started: StartedJob;
  readonly startedAt: number;
  readonly operation: string;
  readonly output: Readers;
  readonly gone: Promise<void>;
  end: JobEnd | undefined;
  inputEnded: boolean;
}

const rememberedMs = 60_000;
/** How long background processes may keep the pipes of an ended job open. */
const lingerMs = 500;
/** Covers the CPU peak of a starting shell. */
const startingMs = 150;
const lateMs = 30;

/** Resolves once the job has started and the daemon gets enough CPU time again. */
async function settled(exited: Promise<unknown>): Promise<void> {
  await Promise.race([exited, sleep(startingMs)]);
  for (let tries = 0; tries < 30; tries++) {
    const since = performance.now();
    await sleep(5);
    if (performance.now() - since < lateMs) return;
    await sleep(100);
  }
}

export function createJobOperations(parts: DaemonState): JobOperations {
  const { clock, keepers, stateDir } = parts;
  const all = new Map<string, OpenJob>();
  const opening = new Map<string, Promise<OpenJob>>();
  const starts = new Semaphore(4);
  const kills = new Semaphore(2);

  const existing = (name: string): OpenJob => {
    const byPid = () => [...all.values()].findLast(({ started }) => String(started.pid) === name);
    const opened = all.get(name) ?? byPid();
    if (!opened) throw new AppError('not_found', `There is no job ${name}.`);
    return opened;
  };
  const toEntry = ({ request: requested, started, startedAt, end }: OpenJob): JobEntry => {
    const { id, argv, cwd, env, label } = requested;
    return {
      id,
      pid: started.pid,
      startedAt,
      argv,
      terminal: started.resize !== undefined,
      ...(cwd !== undefined && { cwd }),
      ...(env !== undefined && { env }),
      ...(label !== undefined && { label }),
      ...end,
    };
  };

  async function start(requested: JobSpec): Promise<OpenJob> {
    makeRoom();
    await markTerminalsOpened(stateDir);
    const operation = `job-${requested.id}`;
    const cwd = requested.cwd === undefined ? parts.place.root : resolveAbsolutePath(requested.cwd, parts);
    if (!(await isFolder(cwd))) throw createBadRequestError(`There is no folder ${requested.cwd}.`);
    // only for UTF-8 paths, because environment variables must be strings
    const own = (await toSystemPath(cwd)) === cwd && { PWD: cwd };
    const env = {
      ...parts.env,
      ...own,
      ...parseEnvironmentLines(requested.env ?? []),
      ...createOperationVariables(operation, requested.tag),
    };
    const startedAt = clock.now();
    const place = await starts.acquire(neverAbortingSignal);
    const started = await startJob(requested, { cwd, env: { ...env, CORRAL_MARK: operation } }).catch(
      (thrown: unknown) => {
        place[Symbol.dispose]();
        throw thrown;
      },
    );
    void settled(started.exited).then(() => place[Symbol.dispose]());
    const output = readers(started.outputs, parts.touch);
    const gone = Promise.withResolvers<void>();
    const inputEnded = requested.input === false;
    const opened: OpenJob = {
      request: requested,
      started,
      startedAt,
      operation,
      output,
      gone: gone.promise,
      end: undefined,
      inputEnded,
    };
    all.set(requested.id, opened);
    void follow(opened).then(gone.resolve);
    return opened;
  }
  async function follow(opened: OpenJob): Promise<void> {
    const { started, output, request: requested } = opened;
    const closed = started.outputs.map(({ stream }) => (stream.closed ? undefined : once(stream, 'close')));
    const end = await started.exited;
    opened.end = end;
    // Output restarts the timer, and a slow reader's paused streams stay open.
    let timer: NodeJS.Timeout | undefined;
    const release = () => started.outputs.forEach(({ stream }) => void (stream.isPaused() || stream.destroy()));
    const linger = () => {
      timer = setTimeout(() => {
        release();
        linger();
      }, lingerMs);
    };
    const restart = () => timer?.refresh();
    for (const { stream } of started.outputs) stream.on('data', restart);
    linger();
    await Promise.all(closed).catch(() => {});
    clearTimeout(timer);
    output.end(end);
    clock.setTimeout(() => {
      if (all.get(requested.id) === opened) all.delete(requested.id);
    }, rememberedMs);
  }
  function makeRoom(): void {
    if (all.size + opening.size < daemonLimits.jobs) return;
    const over = all.values().find(({ end }) => end !== undefined);
    if (!over) throw new AppError('conflict', `There are already ${daemonLimits.jobs} jobs, the maximum.`);
    all.delete(over.request.id);
  }
  const treeIn = ({ operation, startedAt }: OpenJob) =>
    ({ name: 'CORRAL_OPERATION', value: operation, strays: createOrphanRule(parts, startedAt) }) as const;

  return {
    async startJob(requested) {
      const known = all.get(requested.id) ?? (await opening.get(requested.id));
      if (known) return toEntry(known);
      const first = start(requested).finally(() => opening.delete(requested.id));
      opening.set(requested.id, first);
      return toEntry(await first);
    },
    jobs: () => [...all.values()].map(toEntry),
    attachJob: async (id) => existing(id).output.join(),
    async writeJob(id, content) {
      const opened = existing(id);
      const { input } = opened.started;
      for await (const chunk of content) {
        if (opened.inputEnded || opened.end || !input.writable) {
          throw new AppError('conflict', 'The input of this job is closed.');
        }
        if (!input.write(chunk)) await Promise.race([once(input, 'drain'), once(input, 'close')]).catch(() => {});
      }
    },
    async endJobInput(id) {
      const opened = existing(id);
      if (opened.started.resize) throw new AppError('unsupported', 'The input of a terminal cannot be closed.');
      opened.inputEnded = true;
      opened.started.input.end();
    },
    async resizeJob(id, size) {
      const { resize } = existing(id).started;
      if (!resize) throw new AppError('conflict', 'This job has no terminal.');
      await resize(size);
    },
    async signalJob(id, name) {
      const opened = existing(id);
      if (opened.end) throw new AppError('not_found', `There is no job ${id}.`);
      const { keeper } = opened.started;
      if (name !== 'SIGKILL') {
        for (const { pid } of findTreeMembers(treeIn(opened), keepers.spared).members)
          if (pid !== keeper) sendSignals(pid, name);
        return;
      }
      using _turn = await kills.acquire(neverAbortingSignal);
      await endProcessTree(treeIn(opened), { spared: keepers.spared, grace: 'none' });
      await opened.started.exited;
    },
  };
}
