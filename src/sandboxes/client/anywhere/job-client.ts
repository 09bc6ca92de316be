import type { Duplex } from 'node:stream';
import { Semaphore } from '../../../core/concurrency/semaphore.ts';
import { AppError } from '../../../core/errors/errors.ts';
import type { JobClient, JobOutputListener, JobStream } from '../abilities.ts';
import type { DaemonTrust } from '../answers/daemon-trust.ts';
import type { createRequester, DaemonRequest } from '../request.ts';
import { destroyWhenDistrusted, readProcessOutput } from './read-frames.ts';

export type Retry = <Result>(signal: AbortSignal, call: () => Promise<Result>) => Promise<Result>;
export type DaemonRequester = ReturnType<typeof createRequester> & { readonly trust: DaemonTrust };

const killMs = 30_000;
/** Concurrent calls are expensive for the daemon. */
const maxChanging = 8;
const maxWriting = 8;
const call = 'GET /jobs/{id}/stream';
const job = (id: string, rest: string) => `/jobs/${encodeURIComponent(id)}${rest}`;

export function createJobClient({ json, done, upgrade, trust }: DaemonRequester, again: Retry): JobClient {
  const changing = new Semaphore(maxChanging);
  const writing = new Semaphore(maxWriting);
  return {
    async start({ terminal, ...request }, signal) {
      const ask: DaemonRequest = { method: 'POST', path: '/jobs', json: { ...request, ...terminal } };
      using _slot = await changing.acquire(signal);
      return await again(signal, () => json('job', ask, signal));
    },
    list: (signal) => again(signal, () => json('jobs', { method: 'GET', path: '/jobs' }, signal)),
    async attach(id, reader, signal) {
      using _slot = await changing.acquire(signal);
      const ask: DaemonRequest = { method: 'GET', path: job(id, '/stream') };
      return createStream(await upgrade(ask, signal), reader, trust);
    },
    async write(id, bytes, signal) {
      using _slot = await writing.acquire(signal);
      await done({ method: 'POST', path: job(id, '/input'), raw: bytes, timeoutMs: 0 }, signal);
    },
    async endInput(id, signal) {
      await done({ method: 'DELETE', path: job(id, '/input') }, signal);
    },
    async resize(id, size, signal) {
      await done({ method: 'POST', path: job(id, '/size'), json: size }, signal);
    },
    async signal(id, name, signal) {
      using _slot = await changing.acquire(signal);
      const ask: DaemonRequest = {
        method: 'POST',
        path: job(id, '/signal'),
        json: { signal: name },
        timeoutMs: killMs,
      };
      await done(ask, signal);
    },
  };
}

function createStream(stream: Duplex, reader: JobOutputListener, trust: DaemonTrust): JobStream {
  const from = { name: 'jobEnd', trust, call, lost: gone } as const;
  const ended = readProcessOutput(stream, reader, from).finally(() => stream.destroy());
  ended.catch(() => {});
  destroyWhenDistrusted(stream, trust);
  return { ended, detach: () => void stream.destroy() };
}

const gone = (cause?: unknown) =>
  new AppError('sandbox_lost', "The connection to the sandbox's job was lost.", { cause });
