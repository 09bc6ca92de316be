import { constants } from 'node:os';

export function createInterruptSignal(proc: NodeJS.Process = process): AbortSignal {
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    proc.on(name, () => {
      if (stop.signal.aborted) proc.exit(128 + constants.signals[name]);
      stop.abort();
    });
  }
  proc.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') proc.exit(0); // `corral logs | head`
  });
  return stop.signal;
}
