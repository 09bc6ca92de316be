import { endedRunKind } from '../../../automations/after-runs.ts';
import { HookReceiver } from '../../../automations/hooks/receiver.ts';
import { HookSecrets } from '../../../automations/hooks/secrets.ts';
import { PrebuildRunner } from '../../../automations/prebuilds.ts';
import type { AutomationPrograms } from '../../../automations/programs.ts';
import { AutomationRecords } from '../../../automations/records.ts';
import { AutomationScheduler } from '../../../automations/scheduler.ts';
import { createAutomationService } from '../../../automations/service.ts';
import { AutomationStarter, type AutomationStarterDeps } from '../../../automations/starter.ts';
import type { SandboxService } from '../../../sessions/api/sandboxes.ts';
import type { SessionService } from '../../../sessions/api/sessions.ts';
import { computeSessionCost } from '../../../sessions/services/costs.ts';
import type { ServerWithEngine } from '../engine.ts';
import { runInBackground } from '../startup.ts';

interface AutomationDeps extends Pick<AutomationStarterDeps, 'isOwned'> {
  readonly sessions: SessionService;
  readonly power: Pick<SandboxService, 'start'>;
  readonly check: Parameters<typeof createAutomationService>[0]['check'];
  readonly programs: AutomationPrograms;
}

export function openAutomationServices(
  server: ServerWithEngine,
  { sessions, power, check, isOwned, programs }: AutomationDeps,
) {
  const { afterRuns, closing, config, ids, log, metrics, outbox, projects } = server;
  const records = new AutomationRecords({
    ...server,
    async beforePause({ id, paused }) {
      if (paused) await outbox.addPause({ automationId: id, by: paused.by, at: paused.at });
    },
  });
  const prebuilds = new PrebuildRunner({
    sessions,
    prepare: (id, signal) => power.start(id, signal),
    closing,
    wake: () => scheduler.wake(),
  });
  const secrets = new HookSecrets({ ...server, ...projects.hookSecrets, token: () => ids.token() });
  const starter = new AutomationStarter({
    ...server,
    records,
    secretOf: (id) => secrets.find(id),
    sessions,
    prebuilds,
    programs,
    isOwned,
    count: metrics.automationStart,
    tell: (event) => outbox.addStart(event),
    async readCost(id) {
      const { total } = await computeSessionCost(sessions.history(id));
      const { turns, inputTokens, outputTokens, cost } = total;
      return { turns, inputTokens, outputTokens, cost };
    },
  });
  const scheduler: AutomationScheduler = new AutomationScheduler({
    ...server,
    records,
    starter,
    leads: server.replica.mayStartAutomations,
  });
  log.onAppend(({ sessionId, facts, puts = [] }) => {
    if (puts.some(({ kind }) => kind === endedRunKind)) scheduler.wake();
    if (facts.some(({ type }) => type === 'run.end')) scheduler.ended(sessionId);
  });
  const receiver = new HookReceiver({
    ...server,
    records,
    wake: scheduler.wake,
    secretOf: (id) => secrets.find(id),
    count: metrics.hookDelivery,
  });
  const service = createAutomationService({
    ...server,
    records,
    secrets,
    receiver,
    check,
    isOwned,
    keepsPrepared: config.repositories.keepPrepared > 0,
    wake: scheduler.wake,
    look: afterRuns.look,
  });
  return {
    service: server.news.automations(service),
    ...runInBackground(closing, (signal) => scheduler.run(signal)),
  };
}
