import type { Server } from 'node:http';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const everyMs = 3_000;

/**
 * Gives the garbage of the start back to the system, because it would stay for as long as the server has little to do. A
 * collection takes a tenth of a second, so it waits for a moment when nobody is connected. Dispose it with the server.
 */
export function trimHeapOnceIdle(server: Server): Disposable {
  const timer = setInterval(() => {
    server.getConnections((error, count) => {
      if (error || count > 0) return;
      clearInterval(timer);
      trimHeap();
    });
  }, everyMs);
  timer.unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

function trimHeap(): void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as (how: object) => void;
  setFlagsFromString('--no-expose-gc');
  collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}
