import { combineSignals } from '../../core/concurrency/cancel.ts';
import type { ServerDependencies } from '../../core/contracts/server-parts.ts';
import type { Secret } from '../../core/text/secret.ts';
import type { Logger } from '../../observability/logger.ts';
import type { Metrics } from '../../observability/metrics.ts';
import type { SandboxStartProgress } from '../../observability/start-progress.ts';
import type { Config } from '../settings/config.ts';

export interface StartupContext extends Pick<ServerDependencies, 'clock' | 'closing' | 'ids' | 'newId' | 'warn'> {
  /** The `dataDir` in this config is absolute. */
  readonly config: Config;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly progress?: Pick<SandboxStartProgress, 'record'> | undefined;
  readonly say: (text: string) => void;
  /** Returns a callback that records `part` as the next part to be disposed, for reports about slow shutdowns. */
  readonly ending: (part: string) => () => void;
  readonly learn: (secret: Secret) => void;
}

/** Disposing aborts the work and waits until it has finished. */
export function runInBackground(closing: AbortSignal, work: (signal: AbortSignal) => Promise<void>): AsyncDisposable {
  const ended = new AbortController();
  const done = work(combineSignals([closing, ended.signal]));
  done.catch(() => {}); // the disposal reports the failure
  return {
    async [Symbol.asyncDispose]() {
      ended.abort();
      await done;
    },
  };
}
