import { join } from 'node:path';
import { openServerCore } from '../../../src/app/compose.ts';
import { buildHttpServer } from '../../../src/app/http-server.ts';
import { loadConfig } from '../../../src/app/settings/config.ts';
import { systemClock } from '../../../src/core/contracts/clock.ts';
import { createIdSource } from '../../../src/core/model/ids.ts';
import { createLogger } from '../../../src/observability/logger.ts';
import { createScrubber } from '../../../src/observability/scrub.ts';
import { createInMemoryStore } from '../../../src/storage/memory/store.ts';
import { openSqliteStore } from '../../../src/storage/sqlite/store.ts';
import '../../../test/support/memory-driver/register.ts';

export interface CorralSetup {
  readonly dataDir: string;
  readonly store: 'full' | 'normal' | 'memory';
}
export type Corral = Awaited<ReturnType<typeof openCorral>>;

/**
 * The server as src/app/main.ts builds it, but in this process, so that a row can inspect its internals and inject
 * events.
 */
export async function openCorral(stack: AsyncDisposableStack, setup: CorralSetup) {
  const env = {
    CORRAL_DATA_DIR: setup.dataDir,
    CORRAL_DRIVER: 'memory',
    CORRAL_EGRESS_POLICY: 'none',
    CORRAL_RATE_LIMIT_PER_MINUTE: '0',
    CORRAL_MAX_CONNECTIONS_PER_ADDRESS: '0',
    CORRAL_SESSION_PASSIVATE_SECONDS: '86400',
    CORRAL_MAX_SESSIONS: '1000000',
  };
  const config = loadConfig(env, '');
  const logger = createLogger({ level: 'error', scrubber: createScrubber([]) });
  const closing = new AbortController();
  const ids = createIdSource();
  const path = join(setup.dataDir, 'corral.db');
  const store = stack.use(
    setup.store === 'memory' ? createInMemoryStore() : await openSqliteStore({ path, synchronous: setup.store }),
  );
  const rest = { config, logger, clock: systemClock, closing: closing.signal };
  const older = { given: { store } }; // older checkouts call `provided` by this name
  const core = stack.use(await openServerCore({ ...rest, ...older, ids, say: () => {}, provided: { store } }));
  const app = await buildHttpServer({ ...core, ...rest, version: 'bench', sessions: core.services.sessions });
  stack.defer(async () => {
    closing.abort();
    app.server.closeAllConnections();
    await app.close();
  });
  return {
    store,
    ids,
    engine: core.engine,
    listen: () => app.listen({ host: '127.0.0.1', port: 0 }),
  };
}
