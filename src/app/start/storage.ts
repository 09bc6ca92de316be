import packageJson from '../../../package.json' with { type: 'json' };
import { RunEndTriggers } from '../../automations/after-runs.ts';
import { AutomationRecords } from '../../automations/records.ts';
import { WebhookOutbox } from '../../automations/webhooks/outbox.ts';
import { WebhookRecords } from '../../automations/webhooks/records.ts';
import { ResourceNotifier } from '../../automations/webhooks/resource-notifier.ts';
import type { Store } from '../../core/contracts/ports.ts';
import type { SessionId } from '../../core/model/ids.ts';
import { createIdempotencyStore } from '../../sessions/cluster/inbox.ts';
import { LiveSessions } from '../../sessions/engine/live-sessions.ts';
import { SessionStreamRegistry } from '../../sessions/engine/watchers.ts';
import { CopyStore } from '../../sessions/forks/copies.ts';
import { SettingsStore } from '../../sessions/projects/settings-service.ts';
import { loadOrCreateInstanceName } from '../../storage/instance.ts';
import { withReadCache } from '../../storage/kept-reads.ts';
import { createEventLog } from '../../storage/log/log.ts';
import { withPayloadOffload } from '../../storage/payload-offload/payload-offload.ts';
import { createReplica, getOrCreateInstanceName } from '../parts/replica.ts';
import { closeBlobStore, openBlobStore, openStore } from '../parts/store.ts';
import { openTraceExporter } from '../parts/traces.ts';
import { LiveConfig } from '../settings/live-config.ts';
import { runInBackground, type StartupContext } from './startup.ts';

export type StorageServices = Awaited<ReturnType<typeof openStorageServices>>;

/** Startup phase 1. `existing`: a store that the caller has opened and will close. */
export async function openStorageServices(startup: StartupContext, existing?: Store) {
  const { config, clock, ids, newId, logger, closing, say } = startup;
  await using stack = new AsyncDisposableStack();
  const opened = existing ?? withReadCache(stack.use(await openStore({ config, logger, say })));
  const blobs = stack.adopt(await openBlobStore(config, clock), closeBlobStore);
  const { store, collect } = withPayloadOffload({ store: opened, blobs, newId, now: clock.now });
  const { records, events, shared } = store;
  const ownName = () => (shared ? getOrCreateInstanceName(store, ids) : loadOrCreateInstanceName(config.dataDir, ids));
  const instance = config.instance ?? (await ownName());
  const replica = stack.use(createReplica({ store, ids, clock, settings: config.replicas }));
  const warn = (err: unknown, text: string) => logger.warn({ err }, text);
  const watchers = new SessionStreamRegistry();
  const others = { clock, signal: closing, onGone: (id: SessionId) => watchers.end(id), warn };
  const outbox = new WebhookOutbox({ records });
  outbox.open(await new WebhookRecords({ records }).areAny());
  const plainLog = createEventLog(events, { maxLag: 5_000, pageSize: 256, ...(shared && { others }) });
  const afterRuns = new RunEndTriggers({ records, automations: new AutomationRecords({ records }), clock });
  await afterRuns.look();
  const log = afterRuns.around(outbox.around(plainLog));
  const traces = openTraceExporter(process.env, { log, events, version: packageJson.version, warn });
  if (traces) stack.use(traces);
  const inbox = createIdempotencyStore({ store, clock, name: replica.name, isAlive: replica.isAlive });
  const changed = new SettingsStore({ records, clock });
  await changed.read();
  if (shared) stack.use(runInBackground(closing, (signal) => changed.follow(signal)));
  const epoch = await records.put({ kind: 'server', id: 'epoch', doc: {} });
  const held = stack.move();
  return {
    store,
    records,
    events,
    shared,
    blobs,
    copies: new CopyStore({ records, blobs, clock, newId }),
    collectBlobs: collect,
    log,
    outbox,
    news: new ResourceNotifier({ ...startup, outbox }),
    afterRuns,
    /** A request that a dead server left unanswered can be claimed again. */
    inbox,
    watchers,
    liveSessions: new LiveSessions(),
    replica,
    live: new LiveConfig({ base: config, stored: changed }),
    changed,
    instance,
    /** Increases with each server start, so that sandboxes from earlier processes can be recognized. */
    epoch,
    [Symbol.asyncDispose]: (): PromiseLike<void> => held.disposeAsync(),
  };
}
