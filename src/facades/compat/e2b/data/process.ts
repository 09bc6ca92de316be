import { z } from 'zod';
import { combineSignals, createTimeoutSignal, sleep } from '../../../../core/concurrency/cancel.ts';
import { AppError } from '../../../../core/errors/errors.ts';
import { createIdSource } from '../../../../core/model/ids.ts';
import { Utf8Chunker } from '../../../../core/text/arriving-text.ts';
import type { JobEnd, JobEntry, SandboxHandle } from '../../../../sessions/api/sandbox-interior.ts';
import { auditCall, type DataPlaneCall, parseCallMessage, resolveSandboxPath } from './call.ts';
import {
  ConnectError,
  ConnectStream,
  isSandboxLossError,
  parseConnectTimeout,
  rethrowAsConnectError,
  toConnectError,
} from './connect.ts';

const Selector = z.object({ pid: z.coerce.number().int().optional(), tag: z.string().optional() });
const Size = z.object({ cols: z.int().default(0), rows: z.int().default(0) });
const Bytes = z.string().transform((text) => Buffer.from(text, 'base64'));
const Start = z.object({
  process: z.object({
    cmd: z.string().min(1),
    args: z.array(z.string()).default([]),
    envs: z.record(z.string(), z.string()).default({}),
    cwd: z.string().optional(),
  }),
  pty: z.object({ size: Size.default({ cols: 0, rows: 0 }) }).optional(),
  tag: z.string().optional(),
  stdin: z.boolean().optional(),
});
const Selected = z.object({ process: Selector });
const Input = z.object({ process: Selector, input: z.object({ stdin: Bytes.optional(), pty: Bytes.optional() }) });
const Signal = z.object({ process: Selector, signal: z.union([z.string(), z.number()]).optional() });
const Update = z.object({ process: Selector, pty: z.object({ size: Size }).optional() });

const keepalive = { event: { keepalive: {} } };
const maxPiece = { pipes: 32 * 1024, terminal: 16 * 1024 };
const ids = createIdSource();

export async function startProcess(call: DataPlaneCall, message: unknown): Promise<void> {
  const requested = parseCallMessage(Start, message);
  const timeoutMs = parseConnectTimeout(call.request);
  using stream = new ConnectStream(call.request, call.response, keepalive);
  await runStreamingCall(call, stream, async (inside, onStarted) => {
    const entry = await started(call, inside, requested);
    onStarted();
    if (timeoutMs !== undefined) endLater(call, entry, timeoutMs);
    const endsAt = call.clock.now() + (timeoutMs ?? Number.POSITIVE_INFINITY);
    const isLate = () => call.clock.now() >= endsAt;
    await follow({ stream, inside, entry, isLate, signal: combineSignals([stream.gone, call.cut]) });
  });
}

function endLater(call: DataPlaneCall, { id }: JobEntry, timeoutMs: number): void {
  const end = async () => {
    const until = combineSignals([call.cut, AbortSignal.timeout(60_000)]);
    await using inside = await call.enter(until);
    await inside.jobs.signal(id, 'SIGKILL', until);
  };
  const stopped = combineSignals([call.cut, call.closing]);
  void sleep(timeoutMs, stopped, call.clock)
    .then(end)
    .catch(() => {});
}

async function started(
  call: DataPlaneCall,
  inside: SandboxHandle,
  { process, pty, tag, stdin }: z.output<typeof Start>,
) {
  const home = await call.home(inside);
  const cwd = resolveSandboxPath(process.cwd ?? '', home);
  const env = [...ownVariables(home, call), ...Object.entries(process.envs).map(([name, value]) => `${name}=${value}`)];
  const size = pty && { cols: pty.size.cols || 80, rows: pty.size.rows || 24 };
  const job = {
    id: `${process.cwd ? ownPrefix : homePrefix}${ids.short()}`,
    argv: [process.cmd, ...process.args],
    cwd,
    env,
    ...(tag !== undefined && { label: tag }),
    ...(size && { terminal: size }),
    ...(stdin === false && !pty && { input: false }),
  };
  try {
    return await inside.jobs.start(job, call.signal);
  } catch (thrown) {
    if (!(thrown instanceof AppError && thrown.code === 'file_not_found')) throw thrown;
    const argv = ['/bin/sh', '-c', 'echo "$0: no such program" >&2; exit 127', process.cmd];
    return await inside.jobs.start({ ...job, id: `${job.id}-missing`, argv }, call.signal);
  }
}

export async function connectProcess(call: DataPlaneCall, message: unknown): Promise<void> {
  const { process } = parseCallMessage(Selected, message);
  const timeoutMs = parseConnectTimeout(call.request);
  using stream = new ConnectStream(call.request, call.response, keepalive);
  await runStreamingCall(call, stream, async (inside) => {
    const entry = await selected(inside, process, call.signal);
    using until = timeoutMs === undefined ? undefined : createTimeoutSignal(timeoutMs, call.clock, call.signal);
    await follow({ stream, inside, entry, signal: until?.signal ?? combineSignals([stream.gone, call.cut]) });
    if (until?.signal.aborted) throw new ConnectError('deadline_exceeded', 'The connection reached its timeout.');
  });
}

/** Breaks the connection if the sandbox is gone; otherwise reports a failure in the last envelope. */
export async function runStreamingCall(
  call: DataPlaneCall,
  stream: ConnectStream,
  work: (inside: SandboxHandle, onStarted: () => void) => Promise<void>,
) {
  let isBegun = false;
  const onStarted = () => {
    isBegun = true;
    auditCall(call);
  };
  try {
    await using inside = await call.enter();
    await work(inside, onStarted);
    if (!call.cut.aborted) stream.end();
  } catch (thrown) {
    if (!isBegun) auditCall(call, { thrown });
    if (call.cut.aborted || isSandboxLossError(thrown)) stream.destroy();
    else stream.end(toConnectError(thrown));
  }
}

interface ProcessFollower {
  readonly stream: ConnectStream;
  readonly inside: SandboxHandle;
  readonly entry: JobEntry;
  readonly isLate?: () => boolean;
  readonly signal: AbortSignal;
}

async function follow({ stream, inside, entry, isLate, signal }: ProcessFollower): Promise<void> {
  await stream.send({ event: { start: { pid: entry.pid } } });
  const send = (kind: string, piece: Buffer) => stream.send({ event: { data: { [kind]: piece.toString('base64') } } });
  const kinds = { output: entry.terminal ? 'pty' : 'stdout', errors: 'stderr' } as const;
  const maxBytes = entry.terminal ? maxPiece.terminal : maxPiece.pipes;
  const texts = { output: new Utf8Chunker(maxBytes), errors: new Utf8Chunker(maxBytes) };
  const pass = (channel: keyof typeof kinds) => async (chunk: Buffer) => {
    for (const piece of texts[channel].add(chunk)) await send(kinds[channel], piece);
  };
  const reader = { onOutput: pass('output'), onErrors: pass('errors') };
  const job = await inside.jobs.attach(entry.id, reader, signal);
  const leave = () => job.detach();
  signal.addEventListener('abort', leave, { once: true });
  try {
    const end = await job.ended;
    for (const channel of ['output', 'errors'] as const) {
      const rest = texts[channel].end();
      if (rest.length > 0) await send(kinds[channel], rest);
    }
    if (isLate?.()) {
      throw new ConnectError('deadline_exceeded', 'The process ran longer than its timeout.');
    }
    await stream.send({ event: { end: toProcessEndEvent(end) } });
  } catch (thrown) {
    if (!signal.aborted) throw thrown;
  } finally {
    signal.removeEventListener('abort', leave);
  }
}

const signalTexts: Record<string, string> = {
  SIGHUP: 'hangup',
  SIGINT: 'interrupt',
  SIGQUIT: 'quit',
  SIGABRT: 'aborted',
  SIGKILL: 'killed',
  SIGSEGV: 'segmentation fault',
  SIGPIPE: 'broken pipe',
  SIGTERM: 'terminated',
};
export function toProcessEndEvent({ exitCode, signal }: JobEnd): object {
  const status = signal === undefined ? `exit status ${exitCode}` : `signal: ${signalTexts[signal] ?? signal}`;
  const isFailure = signal !== undefined || exitCode !== 0;
  return { exitCode, exited: signal === undefined, status, ...(isFailure && { error: status }) };
}

const ownPrefix = 'e2b-';
/** Marks processes started without an explicit folder; process lists show no folder for them. */
const homePrefix = `${ownPrefix}home-`;
const ownJobs = async (inside: SandboxHandle, signal: AbortSignal) =>
  (await inside.jobs.list(signal)).filter(({ id }) => id.startsWith(ownPrefix));

async function selected(inside: SandboxHandle, { pid, tag }: z.output<typeof Selector>, signal: AbortSignal) {
  const all = await ownJobs(inside, signal);
  const found = all.findLast((job) => (pid === undefined ? tag !== undefined && job.label === tag : job.pid === pid));
  if (found) return found;
  throw new ConnectError('not_found', `There is no process ${pid === undefined ? `tagged ${tag}` : pid}.`);
}
async function running(inside: SandboxHandle, selector: z.output<typeof Selector>, signal: AbortSignal) {
  const found = await selected(inside, selector, signal);
  if (found.exitCode === undefined) return found;
  throw new ConnectError('not_found', `The process ${found.pid} has ended.`);
}

const ownVariables = (home: string, { env }: DataPlaneCall) => [`HOME=${home}`, 'USER=user', 'LOGNAME=user', ...env];

export const processMethods: Record<
  string,
  (call: DataPlaneCall, message: unknown, inside: SandboxHandle) => Promise<object>
> = {
  async List(call, _message, inside) {
    const own = ownVariables('', call).length;
    const jobs = (await ownJobs(inside, call.signal)).filter(({ exitCode }) => exitCode === undefined);
    const processes = jobs.map(({ id, argv: [cmd = '', ...args], env = [], cwd, pid, label }) => {
      const envs = Object.fromEntries(env.slice(own).map((line) => line.split(/=(.*)/s).slice(0, 2)));
      const requested = id.startsWith(homePrefix) ? {} : { cwd };
      return { config: { cmd, args, envs, ...requested }, pid, ...(label && { tag: label }) };
    });
    return { processes };
  },
  async SendInput({ signal }, message, inside) {
    const { process, input } = parseCallMessage(Input, message);
    const job = await running(inside, process, signal);
    const bytes = job.terminal ? input.pty : input.stdin;
    if (!bytes) throw new ConnectError('internal', `The process has ${job.terminal ? 'a' : 'no'} terminal.`);
    await inside.jobs.write(job.id, bytes, signal).catch(rethrowAsConnectError('conflict', 'internal'));
    return {};
  },
  async CloseStdin({ signal }, message, inside) {
    const job = await running(inside, parseCallMessage(Selected, message).process, signal);
    await inside.jobs.endInput(job.id, signal).catch(rethrowAsConnectError('unsupported', 'unknown'));
    return {};
  },
  async SendSignal({ signal }, message, inside) {
    const { process, signal: name } = parseCallMessage(Signal, message);
    const known = { SIGNAL_SIGTERM: 'SIGTERM', SIGNAL_SIGKILL: 'SIGKILL', 15: 'SIGTERM', 9: 'SIGKILL' } as const;
    const found = Object.hasOwn(known, name ?? '') ? known[name as keyof typeof known] : undefined;
    if (!found) throw new ConnectError('unimplemented', 'Only SIGTERM and SIGKILL can be sent.');
    const job = await running(inside, process, signal);
    await inside.jobs.signal(job.id, found, signal);
    return {};
  },
  async Update({ signal }, message, inside) {
    const { process, pty } = parseCallMessage(Update, message);
    const job = await running(inside, process, signal);
    if (pty)
      await inside.jobs.resize(job.id, { ...pty.size }, signal).catch(rethrowAsConnectError('conflict', 'internal'));
    return {};
  },
};
