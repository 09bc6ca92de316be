import { pause } from '../core/cancel.ts';
import { AppError } from '../core/errors.ts';
import {
  type ExecResult,
  type FileEntry,
  type Health,
  type Operation,
  type SandboxClient,
  type SandboxUsage,
  type SearchOptions,
  type ShellView,
  type TerminalEntry,
  terminalEnds,
} from './client.ts';
import { desktopClient } from './desktop-client.ts';
import { judgedEntries, judgedMatches } from './judged.ts';
import { type Ask, requester, type Way } from './request.ts';

export interface SandboxAddress extends Way {
  readonly workdir: string;
}

/** How often a call that changes nothing twice is tried while the daemon comes back. */
const retries = 5;
const retryPauseMs = 300;
const checkEveryMs = 1_000;
const missesAllowed = 3;
const maxFileBytes = 50 * 1024 * 1024;

/** The client of the daemon behind one way into a sandbox. */
export function sandboxClient({ workdir, ...way }: SandboxAddress): SandboxClient {
  const daemon = requester(way);
  const { json, bytes, whole } = daemon;

  /** For calls with the same effect however often they arrive: a restarted daemon dials in again within a second. */
  async function again<Result>(signal: AbortSignal, call: () => Promise<Result>): Promise<Result> {
    for (let left = retries; ; left--) {
      try {
        return await call();
      } catch (thrown) {
        if (left === 0 || !isCode(thrown, 'sandbox_lost')) throw thrown;
      }
      await pause(retryPauseMs, signal);
    }
  }
  const get = <Result>(path: string, signal: AbortSignal) =>
    again(signal, () => json<Result>({ method: 'GET', path }, signal));
  const health = (signal: AbortSignal, timeoutMs?: number) =>
    json<Health>({ method: 'GET', path: '/health', ...(timeoutMs && { timeoutMs }) }, signal);

  /** A call that may rightly be silent for hours, as long as the daemon answers beside it. */
  async function whileAlive<Result>(
    signal: AbortSignal,
    call: (signal: AbortSignal) => Promise<Result>,
  ): Promise<Result> {
    const over = new AbortController();
    const silent = new AbortController();
    const watch = async () => {
      const watching = AbortSignal.any([signal, over.signal]);
      for (let misses = 0; misses < missesAllowed; ) {
        await pause(checkEveryMs, watching);
        await health(watching, checkEveryMs).then(
          () => (misses = 0),
          () => misses++,
        );
      }
      silent.abort();
    };
    watch().catch(() => {}); // ended with the call
    try {
      return await call(AbortSignal.any([signal, silent.signal]));
    } catch (thrown) {
      if (!silent.signal.aborted || signal.aborted) throw thrown;
      throw new AppError('sandbox_unresponsive', 'The sandbox stopped answering.', { cause: thrown });
    } finally {
      over.abort();
    }
  }

  const file = (path: string, more: Record<string, string> = {}) => `/files/content?${query({ path, ...more })}`;

  return {
    workdir,
    health: (signal) => again(signal, () => health(signal)),
    usage: (signal) => get<SandboxUsage>('/usage', signal),

    start: (operation, signal) =>
      again(signal, () => json<Operation>({ method: 'POST', path: '/operations', json: operation }, signal)),
    async operation(id, signal) {
      try {
        return await get<Operation>(`/operations/${encodeURIComponent(id)}`, signal);
      } catch (thrown) {
        if (isCode(thrown, 'not_found')) return undefined;
        throw thrown;
      }
    },
    async follow(id, fromByte, onBytes, signal) {
      let position = fromByte;
      const listen = (ask: AbortSignal) =>
        bytes(
          { method: 'GET', path: `/operations/${encodeURIComponent(id)}/output?from=${position}`, timeoutMs: 0 },
          (chunk) => {
            position += chunk.length;
            onBytes(chunk);
          },
          ask,
        );
      const trailers = await whileAlive(signal, (ask) => again(ask, () => listen(ask)));
      const ended = trailers['corral-operation'];
      if (!ended) throw new AppError('sandbox_lost', 'The sandbox did not say what became of the command.');
      return JSON.parse(ended) as Operation;
    },
    async write(shell, text, signal) {
      await json({ method: 'POST', path: `/shells/${encodeURIComponent(shell)}/input`, json: { text } }, signal);
    },
    async kill(shell, signal) {
      const ask: Ask = { method: 'POST', path: `/shells/${encodeURIComponent(shell)}/kill`, timeoutMs: 30_000 };
      await json(ask, signal);
    },
    view: (shell, signal) => get<ShellView>(`/shells/${encodeURIComponent(shell)}`, signal),
    async killTagged(tag, signal) {
      const ask: Ask = { method: 'POST', path: '/kill', json: { tag }, timeoutMs: 30_000 };
      return (await again(signal, () => json<{ killed: number }>(ask, signal))).killed;
    },
    exec: (request, signal) =>
      whileAlive(signal, (ask) =>
        json<ExecResult>({ method: 'POST', path: '/exec', json: request, timeoutMs: 0 }, ask),
      ),

    async readFile(path, signal, options) {
      const more = options?.maxBytes === undefined ? undefined : { maxBytes: String(options.maxBytes) };
      const most = Math.min(options?.maxBytes ?? maxFileBytes, maxFileBytes);
      return await again(signal, () => whole({ method: 'GET', path: file(path, more) }, most, signal));
    },
    async writeFile(path, content, signal, options) {
      const raw = typeof content === 'string' ? Buffer.from(content) : content;
      if (raw.length > maxFileBytes) throw new AppError('payload_too_large', 'The file is larger than 50 MiB.');
      await json({ method: 'PUT', path: file(path, options?.append ? { append: '1' } : {}), raw }, signal);
    },
    listFiles: async (path, signal) =>
      judgedEntries(await get<readonly FileEntry[]>(`/files/list?${query({ path })}`, signal)),
    async removeFile(path, signal) {
      await json({ method: 'DELETE', path: file(path) }, signal);
    },
    async find(path, glob, signal, options) {
      const ask = `/files/find?${query({ path, glob })}${typesOf(options)}`;
      return judgedMatches(await get<Found<string>>(ask, signal), (file) => file);
    },
    async grep(path, regex, signal, options) {
      const ask = `/files/grep?${query({ path, regex })}${typesOf(options)}`;
      return judgedMatches(await get<Found<{ file: string; line: number; content: string }>>(ask, signal), byFile);
    },

    processes: (signal) => get('/processes', signal),
    async signalProcess(pid, name, signal) {
      const path = `/processes/${pid}/signal`;
      await json({ method: 'POST', path, json: { signal: name }, timeoutMs: 30_000 }, signal);
    },

    terminals: {
      open: (id, signal) =>
        again(signal, () => json<TerminalEntry>({ method: 'POST', path: '/terminals', json: { id } }, signal)),
      list: (signal) => get('/terminals', signal),
      async read(id, { onOpen, onBytes }, signal) {
        const ask: Ask = {
          method: 'GET',
          path: terminal(id, '/stream'),
          timeoutMs: 0,
          ...(onOpen && { onAnswer: onOpen }),
        };
        const trailers = await whileAlive(signal, (until) => bytes(ask, onBytes, until));
        const end = terminalEnds.find((known) => known === trailers['corral-terminal']);
        if (!end) throw new AppError('sandbox_lost', 'The sandbox did not say what became of the terminal.');
        return end;
      },
      async write(id, text, signal) {
        await json({ method: 'POST', path: terminal(id, '/input'), json: { text } }, signal);
      },
      async resize(id, size, signal) {
        await json({ method: 'POST', path: terminal(id, '/size'), json: size }, signal);
      },
      async close(id, signal) {
        await json({ method: 'DELETE', path: terminal(id), timeoutMs: 30_000 }, signal);
      },
    },

    desktop: desktopClient(daemon, again),
  };
}

interface Found<Match> {
  readonly matches: readonly Match[];
  readonly truncated: boolean;
}
const byFile = ({ file }: { file: string }) => file;

const terminal = (id: string, rest = '') => `/terminals/${encodeURIComponent(id)}${rest}`;

const typesOf = ({ types = [] }: SearchOptions = {}) =>
  types.map((type) => `&type=${encodeURIComponent(type)}`).join('');
const query = (values: Record<string, string>) => new URLSearchParams(values).toString();
const isCode = (thrown: unknown, code: string) => thrown instanceof AppError && thrown.code === code;
