import type { Duplex } from 'node:stream';
import { combineSignals, neverAbortingSignal, sleep, throwIfAborted } from '../../core/concurrency/cancel.ts';
import { type Clock, systemClock } from '../../core/contracts/clock.ts';
import { AppError } from '../../core/errors/errors.ts';
import { type DaemonResponse, type DaemonResponseName, parseTerminalEnd } from './answers/answers.ts';
import { createDaemonTrust } from './answers/daemon-trust.ts';
import { createJobClient } from './anywhere/job-client.ts';
import { createFileSystemClient, createFileTransferClient, createWorkspaceClient } from './anywhere/path-client.ts';
import { destroyWhenDistrusted, parseDaemonFrame } from './anywhere/read-frames.ts';
import { createFileWatchClient, createPortClient } from './anywhere/watch-client.ts';
import type { SandboxClient, SearchOptions } from './client.ts';
import { createVersionCheck } from './daemon-version.ts';
import { createDesktopClient } from './desktop-client.ts';
import { HealthMonitor } from './health-monitor.ts';
import { createProgramClient } from './program-client.ts';
import { createRequester, type DaemonConnection, type DaemonRequest, toQueryString } from './request.ts';

const turnMs = 50;
const bytesPerTurn = 2 * 1024 * 1024;

/** Limits output to 40 MiB a second, so that one terminal does not starve the others. */
function throttle(onBytes: (chunk: Uint8Array) => void | Promise<void>): (chunk: Uint8Array) => Promise<void> {
  let began = performance.now();
  let bytes = 0;
  return async (chunk) => {
    const now = performance.now();
    if (now - began >= turnMs) [began, bytes] = [now, 0];
    bytes += chunk.length;
    await onBytes(chunk);
    if (bytes < bytesPerTurn) return;
    await sleep(Math.max(1, began + turnMs - performance.now()), neverAbortingSignal);
  };
}

export interface SandboxAddress extends DaemonConnection {
  readonly workdir: string;
  /** Briefly gives the sandbox priority on busy processors. */
  readonly hasten?: () => void;
  readonly screen?: () => Promise<Duplex | undefined>;
  /** Milliseconds that the daemon has waited for a processor; only differences are meaningful. */
  readonly starvedMs?: () => Promise<number>;
}

const retries = 5;
const retryPauseMs = 300;
const checkEveryMs = 1_000;
const maxFileBytes = 50 * 1024 * 1024;
/** The daemon truncates a command's output at 64 MiB, and adds a note. */
const maxOutputBytes = 65 * 1024 * 1024;

export function createSandboxClient(
  { workdir, hasten, screen, starvedMs, ...way }: SandboxAddress,
  clock: Clock = systemClock,
): SandboxClient {
  const trust = createDaemonTrust();
  const daemon = createRequester({ ...way, trust });
  const { json, done, bytes, whole, upgrade, file: opened } = daemon;

  const { lost = neverAbortingSignal } = way;
  /** Only for idempotent calls. Retries up to five times after a lost connection. */
  async function again<Result>(signal: AbortSignal, call: () => Promise<Result>): Promise<Result> {
    for (let left = retries; ; left--) {
      try {
        return await call();
      } catch (thrown) {
        if (left === 0 || !isCode(thrown, 'sandbox_lost')) throw thrown;
        await sleep(retryPauseMs, combineSignals([signal, lost]), clock).catch(() => throwIfAborted(signal));
        if (lost.aborted) throw thrown;
      }
    }
  }
  const get = <Name extends DaemonResponseName>(
    name: Name,
    path: string,
    signal: AbortSignal,
  ): Promise<DaemonResponse<Name>> => again(signal, () => json(name, { method: 'GET', path }, signal));
  const health = (signal: AbortSignal, timeoutMs?: number) =>
    json('health', { method: 'GET', path: '/health', ...(timeoutMs && { timeoutMs }) }, signal);

  const since = createVersionCheck((signal) => again(signal, () => health(signal)));

  /** Used for calls that can be silent for hours. Rejects once the daemon fails its health checks. */
  async function whileAlive<Result>(
    signal: AbortSignal,
    call: (signal: AbortSignal) => Promise<Result>,
  ): Promise<Result> {
    const silent = new AbortController();
    let over: AbortController | undefined;
    const watch = async () => {
      over = new AbortController();
      const watching = combineSignals([signal, over.signal]);
      const silence = new HealthMonitor(clock, starvedMs);
      for (let isLost = false; !isLost; ) {
        silence.recordRequest();
        const hears = await health(watching, silence.patienceMs).then(
          () => true,
          () => false,
        );
        if (hears) silence.recordReply();
        else isLost = await silence.missed();
        if (!isLost) await sleep(checkEveryMs, watching, clock);
      }
      silent.abort();
    };
    const first = clock.setTimeout(() => void watch().catch(() => {}), checkEveryMs);
    try {
      return await call(combineSignals([signal, silent.signal]));
    } catch (thrown) {
      if (!silent.signal.aborted || signal.aborted) throw thrown;
      throw new AppError('sandbox_unresponsive', 'The sandbox stopped responding.', { cause: thrown });
    } finally {
      clock.clearTimeout(first);
      over?.abort();
    }
  }

  const file = (path: string, more: Record<string, string> = {}) =>
    `/files/content?${toQueryString({ path, ...more })}`;

  return {
    workdir,
    trust,
    health: (signal) => again(signal, () => health(signal)),
    usage: (signal) => get('usage', '/usage', signal),

    start: (operation, signal) =>
      again(signal, () => json('operation', { method: 'POST', path: '/operations', json: operation }, signal)),
    async operation(id, signal) {
      try {
        return await get('operation', `/operations/${encodeURIComponent(id)}`, signal);
      } catch (thrown) {
        if (isCode(thrown, 'not_found')) return undefined;
        throw thrown;
      }
    },
    async follow(id, fromByte, onBytes, signal) {
      let position = fromByte;
      let received = 0;
      const listen = (ask: AbortSignal) =>
        bytes(
          {
            method: 'GET',
            path: `/operations/${encodeURIComponent(id)}/output?from=${position}`,
            timeoutMs: 0,
            maxBytes: maxOutputBytes - received,
          },
          (chunk) => {
            position += chunk.length;
            received += chunk.length;
            onBytes(chunk);
          },
          ask,
        );
      const trailers = await whileAlive(signal, (ask) => again(ask, () => listen(ask)));
      const ended = trailers['corral-operation'];
      if (!ended) throw new AppError('sandbox_lost', "The sandbox's response ended before the command's result.");
      const call = 'GET /operations/{id}/output';
      return parseDaemonFrame('operation', Buffer.from(ended), { trust, call });
    },
    async write(shell, text, signal) {
      await done({ method: 'POST', path: `/shells/${encodeURIComponent(shell)}/input`, json: { text } }, signal);
    },
    async kill(shell, signal) {
      hasten?.();
      const ask: DaemonRequest = {
        method: 'POST',
        path: `/shells/${encodeURIComponent(shell)}/kill`,
        timeoutMs: 30_000,
      };
      await done(ask, signal);
    },
    view(shell, signal, limit) {
      const values = limit ? `?${toQueryString({ chars: String(limit.chars) })}` : '';
      return get('shell', `/shells/${encodeURIComponent(shell)}${values}`, signal);
    },
    killTagged(tag, signal, view) {
      hasten?.();
      // Sent in the query, because daemons before 1.4 refuse unknown body fields.
      const shown = (view?.shells ?? []).map((shell) => `&${toQueryString({ shell })}`).join('');
      const path = view ? `/kill?${toQueryString({ chars: String(view.chars) })}${shown}` : '/kill';
      const ask: DaemonRequest = { method: 'POST', path, json: { tag }, timeoutMs: 30_000 };
      return again(signal, () => json('killed', ask, signal));
    },
    exec: (request, signal) =>
      whileAlive(signal, (ask) => json('exec', { method: 'POST', path: '/exec', json: request, timeoutMs: 0 }, ask)),

    async readFile(path, signal, options) {
      const more = options?.maxBytes === undefined ? undefined : { maxBytes: String(options.maxBytes) };
      const most = Math.min(options?.maxBytes ?? maxFileBytes, maxFileBytes);
      return await again(signal, () => whole({ method: 'GET', path: file(path, more) }, most, signal));
    },
    openFile: (path, signal) => again(signal, () => opened({ method: 'GET', path: file(path) }, maxFileBytes, signal)),
    async writeFile(path, content, signal, options) {
      const raw = typeof content === 'string' ? Buffer.from(content) : content;
      if (raw.length > maxFileBytes) throw new AppError('payload_too_large', 'The file is larger than 50 MiB.');
      await done({ method: 'PUT', path: file(path, options?.append ? { append: '1' } : {}), raw }, signal);
    },
    listFiles: (path, signal) => get('entries', `/files/list?${toQueryString({ path })}`, signal),
    async removeFile(path, signal) {
      await done({ method: 'DELETE', path: file(path) }, signal);
    },
    find: (path, glob, signal, options) =>
      get('found', `/files/find?${toQueryString({ path, glob })}${typesOf(options)}`, signal),
    grep: (path, regex, signal, options) =>
      get('lines', `/files/grep?${toQueryString({ path, regex })}${typesOf(options)}`, signal),

    processes: (signal) => get('processes', '/processes', signal),
    async signalProcess(pid, name, signal) {
      hasten?.();
      const path = `/processes/${pid}/signal`;
      await done({ method: 'POST', path, json: { signal: name }, timeoutMs: 30_000 }, signal);
    },

    terminals: {
      open: (id, signal) =>
        again(signal, () => json('terminal', { method: 'POST', path: '/terminals', json: { id } }, signal)),
      list: (signal) => get('terminals', '/terminals', signal),
      async read(id, { onOpen, onBytes }, signal) {
        const ask: DaemonRequest = {
          method: 'GET',
          path: terminal(id, '/stream'),
          timeoutMs: 0,
          ...(onOpen && { onAnswer: onOpen }),
        };
        const trailers = await whileAlive(signal, (until) => bytes(ask, throttle(onBytes), until));
        const message = trailers['corral-terminal'];
        if (!message) throw new AppError('sandbox_lost', "The sandbox's response ended before the terminal's end.");
        const end = parseTerminalEnd(message);
        if (!end) {
          const detail = 'an unknown reason for the end of a terminal';
          throw trust.reportViolation({ reason: 'wrong_shape', call: 'GET /terminals/{id}/stream', detail });
        }
        return end;
      },
      async write(id, text, signal) {
        await done({ method: 'POST', path: terminal(id, '/input'), json: { text } }, signal);
      },
      async keyboard(id, signal) {
        if (!(await since('1.3', signal))) return undefined;
        const stream = await upgrade({ method: 'GET', path: terminal(id, '/keyboard') }, signal);
        destroyWhenDistrusted(stream, trust);
        const call = 'GET /terminals/{id}/keyboard';
        return stream.once(
          'data',
          () => void trust.reportViolation({ reason: 'bad_frame', call, detail: 'it sends nothing' }),
        );
      },
      async resize(id, size, signal) {
        await done({ method: 'POST', path: terminal(id, '/size'), json: size }, signal);
      },
      async close(id, signal) {
        await done({ method: 'DELETE', path: terminal(id), timeoutMs: 30_000 }, signal);
      },
    },

    programs: createProgramClient({ ...daemon, trust }, again),
    jobs: createJobClient({ ...daemon, trust }, again),
    paths: createFileSystemClient({ ...daemon, trust }, again, since),
    transfers: createFileTransferClient({ ...daemon, trust }, since),
    workspace: createWorkspaceClient(daemon, again, since),
    watches: createFileWatchClient({ ...daemon, trust }, again),
    ports: createPortClient({ ...daemon, trust }, again, since),
    desktop: createDesktopClient({ ...daemon, trust, ...(screen && { screen }) }, again),
  };
}

const terminal = (id: string, rest = '') => `/terminals/${encodeURIComponent(id)}${rest}`;

const typesOf = ({ types = [] }: SearchOptions = {}) =>
  types.map((type) => `&type=${encodeURIComponent(type)}`).join('');
const isCode = (thrown: unknown, code: string) => thrown instanceof AppError && thrown.code === code;
