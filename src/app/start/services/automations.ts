import { type AfterRuns, endedRunKind } from '../../../automations/after-runs.ts';
import { HookReceiver } from '../../../automations/hooks/receiver.ts';
import { HookSecrets } from '../../../automations/hooks/secrets.ts';
import { Prebuilds } from '../../../automations/prebuilds.ts';
import type { Programs } from '../../../automations/programs.ts';
import { AutomationRecords } from '../../../automations/records.ts';
import { Scheduler } from '../../../automations/scheduler.ts';
import { automationService } from '../../../automations/service.ts';
import { Starter, type StarterDeps } from '../../../automations/starter.ts';
import type { Outbox } from '../../../automations/webhooks/outbox.ts';
import type { ResourceNotifier } from '../../../automations/webhooks/resource-notifier.ts';
import type { EventLog, Store } from '../../../core/contracts/ports.ts';
import type { SandboxService } from '../../../sessions/api/sandboxes.ts';
import type { AutomationService } from '../../../sessions/api/server/automations.ts';
import type { SessionService } from '../../../sessions/api/sessions.ts';
import type { WebhookSecrets } from '../../../sessions/projects/webhook-secrets.ts';
import { computeCost } from '../../../sessions/services/costs.ts';
import type { Replica } from '../../parts/replica.ts';
import { runInBackground, type Startup } from '../startup.ts';

interface AutomationDeps {
  readonly store: Store;
  readonly log: Pick<EventLog, 'onAppend'>;
  readonly outbox: Pick<Outbox, 'addPause' | 'addStart'>;
  readonly news: Pick<ResourceNotifier, 'automations'>;
  readonly afterRuns: AfterRuns;
  readonly secrets: WebhookSecrets;
  readonly replica: Pick<Replica, 'mayStartAutomations'>;
  readonly sessions: SessionService;
  readonly sandboxes: Pick<SandboxService, 'start'>;
  readonly keepsPrepared: boolean;
  readonly check: Parameters<typeof automationService>[0]['check'];
  readonly isOwned: StarterDeps['isOwned'];
  readonly programs: Programs;
}
type RunningAutomations = AsyncDisposable & { readonly service: AutomationService };

/** The automations of the store, and the scheduler that starts them. */
export function openAutomations(
  { closing, clock, ids, logger, learn, metrics }: Startup,
  parts: AutomationDeps,
): RunningAutomations {
  const {
    store,
    log,
    outbox,
    news,
    afterRuns,
    secrets: sealed,
    replica,
    sessions,
    sandboxes,
    check,
    isOwned,
    programs,
  } = parts;
  const records = new AutomationRecords(store.records, async ({ id, paused }) => {
    if (paused) await outbox.addPause({ automationId: id, by: paused.by, at: paused.at });
  });
  const prebuilds = new Prebuilds({
    sessions,
    prepare: (id, signal) => sandboxes.start(id, signal),
    closing,
    wake: () => scheduler.wake(),
  });
  const secrets = new HookSecrets({ ...sealed, records: store.records, token: () => ids.token(), learn });
  const starter = new Starter({
    records,
    secretOf: (id) => secrets.find(id),
    sessions,
    prebuilds,
    programs,
    isOwned,
    clock,
    count: metrics.automationStart,
    tell: (event) => outbox.addStart(event),
    async costOf(id) {
      const { total } = await computeCost(sessions.history(id));
      const { turns, inputTokens, outputTokens, cost } = total;
      return { turns, inputTokens, outputTokens, cost };
    },
  });
  const scheduler: Scheduler = new Scheduler({
    records,
    starter,
    afterRuns,
    leads: replica.mayStartAutomations,
    shared: store.shared,
    clock,
    warn: (about, text) => logger.warn(about, text),
  });
  log.onAppend(({ sessionId, facts, puts = [] }) => {
    if (puts.some(({ kind }) => kind === endedRunKind)) scheduler.wake();
    if (facts.some(({ type }) => type === 'run.end')) scheduler.ended(sessionId);
  });
  const running = runInBackground(closing, (signal) => scheduler.run(signal));
  const receiver = new HookReceiver({
    records,
    clock,
    wake: scheduler.wake,
    secretOf: (id) => secrets.find(id),
    count: metrics.hookDelivery,
  });
  const { wake } = scheduler;
  const { look } = afterRuns;
  const { keepsPrepared } = parts;
  const service = automationService({
    records,
    secrets,
    receiver,
    ids,
    clock,
    check,
    isOwned,
    keepsPrepared,
    wake,
    look,
  });
  return {
    service: news.automations(service),
    [Symbol.asyncDispose]: () => running[Symbol.asyncDispose](),
  };
}
