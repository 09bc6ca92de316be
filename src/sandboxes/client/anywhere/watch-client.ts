import { throwIfAborted } from '../../../core/concurrency/cancel.ts';
import { AppError } from '../../../core/errors/errors.ts';
import type { FileWatchClient, PortClient } from '../abilities.ts';
import type { VersionCheck } from '../daemon-version.ts';
import type { DaemonRequester, Retry } from './job-client.ts';
import { destroyWhenDistrusted, parseDaemonFrame, readDaemonFrames } from './read-frames.ts';

const call = 'GET /watches/{id}/stream';
const watch = (id: string, rest = '') => `/watches/${encodeURIComponent(id)}${rest}`;

export function createFileWatchClient({ json, done, upgrade, trust }: DaemonRequester, again: Retry): FileWatchClient {
  return {
    open: (watchFiles, signal) => json('watch', { method: 'POST', path: '/watches', json: watchFiles }, signal),
    changes: (id, signal) =>
      again(signal, () => json('changes', { method: 'GET', path: watch(id, '/changes') }, signal)),
    async follow(id, listener, signal) {
      const stream = await upgrade({ method: 'GET', path: watch(id, '/stream') }, signal);
      const leave = () => void stream.destroy();
      signal.addEventListener('abort', leave, { once: true });
      destroyWhenDistrusted(stream, trust);
      try {
        for await (const { channel, payload } of readDaemonFrames(stream, { trust, call }, gone)) {
          if (channel !== 'output')
            throw trust.reportViolation({ reason: 'bad_frame', call, detail: `a frame of ${channel}` });
          await listener(parseDaemonFrame('change', payload, { trust, call }));
        }
      } catch (thrown) {
        throwIfAborted(signal);
        throw thrown;
      } finally {
        signal.removeEventListener('abort', leave);
        stream.destroy();
      }
    },
    async close(id, signal) {
      await done({ method: 'DELETE', path: watch(id) }, signal);
    },
  };
}

const gone = (cause?: unknown) => new AppError('sandbox_lost', 'The connection to the watch was lost.', { cause });

export const createPortClient = (
  { json, upgrade }: DaemonRequester,
  again: Retry,
  since: VersionCheck,
): PortClient => ({
  async list(signal) {
    if (!(await since('1.5', signal))) return [];
    return await again(signal, () => json('listeningPorts', { method: 'GET', path: '/ports' }, signal));
  },
  connect: (port, signal) => upgrade({ method: 'GET', path: `/ports/${port}/stream` }, signal),
});
