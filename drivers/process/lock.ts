import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { sleep } from '../../src/core/concurrency/cancel.ts';
import { AppError } from '../../src/core/errors/errors.ts';

/**
 * Locks a name across the machine until disposal or the process's death. The lock is a socket in the kernel's abstract namespace,
 * so a crash leaves nothing behind.
 */
export async function acquireMachineLock(name: string, signal: AbortSignal): Promise<AsyncDisposable> {
  const path = `\0corral-${createHash('sha256').update(name).digest('hex').slice(0, 32)}`;
  for (;;) {
    const server = createServer((socket) => socket.destroy());
    try {
      server.listen(path);
      await once(server, 'listening');
      server.unref();
      return { [Symbol.asyncDispose]: () => new Promise((done) => server.close(() => done())) };
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EADDRINUSE') {
        throw new AppError('sandbox_unavailable', "The sandbox's lock could not be taken.", { cause });
      }
      await sleep(25, signal);
    }
  }
}
