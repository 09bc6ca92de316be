import { resolve } from 'node:path';
import type { Driver } from '../../drivers/driver.ts';
import { combineSignals } from '../core/concurrency/cancel.ts';
import type { Store } from '../core/contracts/ports.ts';
import { readLogNoiseCounts } from '../observability/logger.ts';
import { createMetrics } from '../observability/metrics.ts';
import { trustCaCertificates } from '../sandboxes/egress/fetch/certificate-authorities.ts';
import { createPageLoader } from './page/page.ts';
import { createWebPageFetch } from './parts/web-pages.ts';
import { openAgentServices } from './start/agents.ts';
import { openEngine } from './start/engine.ts';
import { openSandboxInfrastructure } from './start/sandboxes.ts';
import { openFacadeServices } from './start/services.ts';
import type { StartupContext } from './start/startup.ts';
import { openStorageServices } from './start/storage.ts';

interface Options
  extends Omit<StartupContext, 'metrics' | 'learn' | 'ending' | 'newId' | 'warn'>,
    Partial<Pick<StartupContext, 'learn' | 'ending'>> {
  readonly provided?: { readonly store?: Store; readonly driver?: Driver };
}
export type ServerCore = Awaited<ReturnType<typeof openServerCore>>;

/** Starts everything except the HTTP server. */
export async function openServerCore({ provided: input = {}, ...options }: Options) {
  await using stack = new AsyncDisposableStack();
  using ending = new DisposableStack();
  // A failed startup must also end the background work.
  const ended = ending.adopt(new AbortController(), (it) => it.abort());
  const startup: StartupContext = {
    learn: () => {},
    ending: () => () => {},
    ...options,
    config: { ...options.config, dataDir: resolve(options.config.dataDir) },
    closing: combineSignals([options.closing, ended.signal]),
    newId: () => options.ids.short(),
    warn: (about, text) => options.logger.warn(about, text),
    metrics: createMetrics({ noise: () => readLogNoiseCounts(options.logger) }),
  };
  await trustCaCertificates(options.config.extraCa);
  const storage = stack.use(await openStorageServices(startup, input.store));
  stack.defer(startup.ending('the store'));
  const sandboxes = stack.use(await openSandboxInfrastructure({ ...startup, ...storage }, input.driver));
  stack.defer(startup.ending("the sandboxes' driver"));
  const agents = stack.use(await openAgentServices({ ...startup, ...storage, ...sandboxes }));
  stack.defer(startup.ending('tools and browsers'));
  const built = { ...startup, ...storage, ...sandboxes, ...agents };
  const running = stack.use(await openEngine(built));
  const { engine } = running;
  const services = stack.use(await openFacadeServices({ ...built, ...running }));
  stack.defer(startup.ending('workspaces and retention'));
  stack.use(ending.move()); // the background work ends before everything else
  const held = stack.move();
  return {
    ...services,
    engine,
    metrics: startup.metrics,
    modelName: agents.model.name,
    driver: sandboxes.driver,
    store: storage.store,
    inbox: storage.inbox,
    instance: storage.instance,
    live: storage.live,
    page: createPageLoader(),
    fetchPage: createWebPageFetch(sandboxes.fetch),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}
