import { z } from 'zod';
import type { ServerDependencies } from '../../core/contracts/server-parts.ts';
import { AppError, toAppError } from '../../core/errors/errors.ts';
import type { SessionId } from '../../core/model/ids.ts';
import { quoteForShell } from '../../core/text/quote.ts';
import type { ProcessEntry, SandboxClient } from '../../sandboxes/client/client.ts';
import type { ProcessInfo, ProcessService } from '../api/processes.ts';
import type { SandboxAccess } from '../engine/sandbox/sandbox-access.ts';

interface Deps extends Pick<ServerDependencies, 'clock' | 'ids' | 'records'> {
  readonly sandboxes: Pick<SandboxAccess, 'use' | 'look'>;
  /** Rejects with session_not_found. */
  readonly known: (id: SessionId) => Promise<unknown>;
}
const Background = z.object({ pid: z.int(), cmd: z.string(), log: z.string(), started: z.string() });
type Background = z.infer<typeof Background>;

const maxListed = 200;
const sameStartMs = 5_000; // PIDs are reused, so start times must match within this tolerance
const tailBytes = 1024 * 1024;

/** Background processes stay on record, with their logs, after they end. */
export function createProcessService({ sandboxes, records, clock, ids, known }: Deps): ProcessService {
  const kind = 'process';

  async function remembered(id: SessionId): Promise<Background[]> {
    const stored = await records.list(kind, { idPrefix: `${id}:` });
    return stored.map(({ doc }) => Background.parse(doc));
  }
  const isSame = (a: Background, b: ProcessEntry) =>
    a.pid === b.pid && Math.abs(Date.parse(a.started) - Date.parse(b.started)) < sameStartMs;

  async function all(id: SessionId, signal: AbortSignal): Promise<{ running: ProcessInfo[]; over: ProcessInfo[] }> {
    await known(id);
    const client = await sandboxes.look(id, signal);
    const live = client ? await client.processes(signal) : [];
    const portsOf = client && live.length > 0 ? await portsByProcess(client, signal) : new Map<number, number[]>();
    const started = await remembered(id);
    const running = live.map((entry): ProcessInfo => {
      const { pid, memoryBytes } = entry;
      const own = started.find((it) => isSame(it, entry));
      const { cmd, log = '', started: at } = own ?? { ...entry, log: '' };
      const ports = portsOf.get(pid);
      const measured = { ...(memoryBytes !== undefined && { memoryBytes }), ...(ports && { ports }) };
      return { pid, cmd, status: 'running', log, started: at, ...measured };
    });
    const over = started
      .filter((it) => !live.some((entry) => isSame(it, entry)))
      .map((it): ProcessInfo => ({ ...it, status: 'exited' }));
    return { running: running.sort(newestFirst), over: over.sort(newestFirst) };
  }
  /** If there are too many, finished processes are dropped before running ones. */
  async function list(id: SessionId, signal: AbortSignal): Promise<ProcessInfo[]> {
    const { running, over } = await all(id, signal);
    return [...running, ...over].slice(0, maxListed).sort(newestFirst);
  }
  async function find(id: SessionId, pid: number, signal: AbortSignal): Promise<ProcessInfo> {
    const { running, over } = await all(id, signal);
    const found = [...running, ...over].find((it) => it.pid === pid);
    if (!found) throw new AppError('not_found', 'There is no such process in this session.');
    return found;
  }

  return {
    list,
    async stop(id, pid, signal) {
      const { status } = await find(id, pid, signal);
      if (status === 'exited') return;
      await using used = await sandboxes.use(id, signal);
      await used.client.signalProcess(pid, 'SIGTERM', signal);
    },
    async logs(id, pid, lines, signal) {
      const { log } = await find(id, pid, signal);
      if (log === '') return { text: '', log, truncated: false };
      await using used = await sandboxes.use(id, signal);
      const file = quoteForShell(log);
      // One extra line and the size show whether the output was cut.
      const command = `stat -c %s -- ${file} >&2; tail -c ${tailBytes} -- ${file} | tail -n ${lines + 1}`;
      const { stdout, stderr } = await used.client.exec({ command }, signal);
      const isCut = Number.parseInt(stderr, 10) > tailBytes;
      const whole = isCut ? stdout.replace(/^\uFFFD{1,3}/, '') : stdout; // the cut may split a character
      const text = lastLines(whole, lines);
      return { text, log, truncated: isCut || text.length < whole.length };
    },
    async startBackground(id, command, signal) {
      await known(id);
      await using used = await sandboxes.use(id, signal);
      const log = `.agent_logs/${ids.short().slice(0, 8)}.log`;
      const started = new Date(clock.now()).toISOString();
      const script = `mkdir -p .agent_logs && { setsid ${toLoginShellCommand(command)} > ${log} 2>&1 < /dev/null & echo $!; }`;
      const { stdout, stderr } = await used.client.exec({ command: script }, signal);
      const pid = Number(stdout.trim());
      if (!Number.isInteger(pid) || pid < 1) {
        throw new AppError('sandbox_unavailable', `The command could not be started: ${stderr.trim()}`);
      }
      const doc: Background = { pid, cmd: command, log, started };
      await records.put({ kind, id: `${id}:${pid}`, doc, sort: clock.now() });
      return { pid, log };
    },
  };
}

/** Empty if the sandbox cannot report ports. */
async function portsByProcess(
  client: Pick<SandboxClient, 'ports'>,
  signal: AbortSignal,
): Promise<ReadonlyMap<number, readonly number[]>> {
  const found = new Map<number, number[]>();
  const ports = await client.ports.list(signal).catch((thrown: unknown) => {
    if (toAppError(thrown).code !== 'unsupported') throw thrown;
    return [];
  });
  for (const { port, pid } of ports) if (pid !== undefined) found.set(pid, [...(found.get(pid) ?? []), port]);
  return found;
}

function lastLines(text: string, count: number): string {
  const lines = text.split(/(?<=\n)/);
  return lines.slice(-count).join('');
}

const newestFirst = (a: ProcessInfo, b: ProcessInfo) => b.started.localeCompare(a.started);

/** The kernel limits an argument to 128 KiB. */
const longCommand = 100_000;

export function toLoginShellCommand(command: string): string {
  if (Buffer.byteLength(command) < longCommand) return `bash -lc ${quoteForShell(command)}`;
  return `bash -lc 'eval "$(cat "$1")"' bash <(printf %s ${quoteForShell(command)})`;
}
