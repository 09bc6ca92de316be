import { loadConfig } from '../../src/config/config.ts';
import { systemClock } from '../../src/core/clock.ts';
import { randomIds } from '../../src/core/ids.ts';
import { type Core, compose } from '../../src/main/compose.ts';
import { temporaryFolder } from './store.ts';

export interface Composed extends AsyncDisposable {
  readonly core: Core;
  readonly closing: AbortController;
  readonly dataDir: string;
}
const quiet = { info() {}, warn() {}, error() {}, fatal() {}, debug() {}, trace() {}, child: () => quiet };

/** The whole core in this process on real sandboxes of its own; the data folder may be an earlier one's. */
export async function composed(settings: Record<string, string> = {}, folder?: string): Promise<Composed> {
  await using stack = new AsyncDisposableStack();
  const own = folder === undefined ? stack.use(temporaryFolder()) : undefined;
  const dataDir = folder ?? own?.path ?? '';
  const env = { CORRAL_DATA_DIR: dataDir, CORRAL_DRIVER: 'memory', CORRAL_EGRESS_POLICY: 'none', ...settings };
  const closing = new AbortController();
  const core = stack.use(
    await compose({
      config: loadConfig(env, ''),
      logger: quiet as never,
      clock: systemClock,
      ids: randomIds(),
      closing: closing.signal,
      say: () => {},
    }),
  );
  stack.defer(() => closing.abort());
  const held = stack.move();
  return { core, closing, dataDir, [Symbol.asyncDispose]: () => held.disposeAsync() };
}
