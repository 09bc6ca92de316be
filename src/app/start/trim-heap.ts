import { performance } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const intervalMs = 2_000;
const maxUtilization = 0.05;
/** Attempts. Later, the collection would also delay a busy server with a large heap. */
const maxChecks = 30;

/** Returns memory from startup to the operating system once the server is idle. V8 alone would keep about 35 MiB. */
export function trimHeapWhenIdle(): Disposable {
  let before = performance.eventLoopUtilization();
  let checks = 0;
  const timer = setInterval(() => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, before);
    before = now;
    const isIdle = utilization <= maxUtilization;
    if (isIdle || ++checks === maxChecks) clearInterval(timer);
    if (!isIdle) return;
    setFlagsFromString('--expose-gc');
    runInNewContext('gc')({ type: 'major', execution: 'sync', flavor: 'last-resort' });
  }, intervalMs);
  timer.unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
