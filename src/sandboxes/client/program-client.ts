import type { Duplex } from 'node:stream';
import { AppError } from '../../core/errors/errors.ts';
import { toPipeFrames } from '../../core/text/pipe-frames.ts';
import type { DaemonTrust } from './answers/daemon-trust.ts';
import type { DaemonRequester, Retry } from './anywhere/job-client.ts';
import { destroyWhenDistrusted, readProcessOutput } from './anywhere/read-frames.ts';
import type { ProgramClient, ProgramOutputListener, ProgramPipes } from './client.ts';
import type { DaemonRequest } from './request.ts';

const endMs = 30_000;
const call = 'GET /programs/{id}/stream';
const program = (id: string, rest = '') => `/programs/${encodeURIComponent(id)}${rest}`;

export function createProgramClient({ json, done, upgrade, trust }: DaemonRequester, again: Retry): ProgramClient {
  return {
    open: (request, signal) =>
      again(signal, () => json('program', { method: 'POST', path: '/programs', json: request }, signal)),
    list: (signal) => again(signal, () => json('programs', { method: 'GET', path: '/programs' }, signal)),
    async attach(id, reader, signal) {
      const ask: DaemonRequest = { method: 'GET', path: program(id, '/stream') };
      return createPipes(await upgrade(ask, signal), reader, trust);
    },
    async signal(id, name, signal) {
      const ask: DaemonRequest = {
        method: 'POST',
        path: program(id, '/signal'),
        json: { signal: name },
        timeoutMs: endMs,
      };
      await done(ask, signal);
    },
    async close(id, signal) {
      await done({ method: 'DELETE', path: program(id), timeoutMs: endMs }, signal);
    },
  };
}

/** Every frame is checked: the sandbox can send anything. */
function createPipes(stream: Duplex, reader: ProgramOutputListener, trust: DaemonTrust): ProgramPipes {
  const from = { name: 'programEnd', trust, call, lost: gone } as const;
  const ended = readProcessOutput(stream, reader, from).finally(() => stream.destroy());
  ended.catch(() => {});
  destroyWhenDistrusted(stream, trust);
  return {
    ended,
    async write(bytes) {
      if (!stream.writable) throw gone();
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const close = () => reject(gone());
      stream.once('close', close);
      if (bytes.length > 0) stream.write(toPipeFrames('input', bytes), (error) => (error ? reject(gone()) : resolve()));
      else resolve();
      await promise.finally(() => stream.off('close', close));
    },
    endInput() {
      if (stream.writable) stream.write(toPipeFrames('input', Buffer.alloc(0)));
    },
    detach: () => void stream.destroy(),
  };
}

const gone = (cause?: unknown) =>
  new AppError('sandbox_lost', "The connection to the sandbox's program was lost.", { cause });
