import { RunEndTriggers } from '../../../src/automations/after-runs.ts';
import { HookReceiver } from '../../../src/automations/hooks/receiver.ts';
import { HookSecrets } from '../../../src/automations/hooks/secrets.ts';
import { PrebuildRunner } from '../../../src/automations/prebuilds.ts';
import { AutomationPrograms } from '../../../src/automations/programs.ts';
import { AutomationRecords } from '../../../src/automations/records.ts';
import { AutomationScheduler } from '../../../src/automations/scheduler.ts';
import { createAutomationService } from '../../../src/automations/service.ts';
import { AutomationStarter } from '../../../src/automations/starter.ts';
import type { AutomationStartEvent } from '../../../src/automations/webhooks/outbox.ts';
import type { SealedValue } from '../../../src/core/contracts/vault.ts';
import { AppError } from '../../../src/core/errors/errors.ts';
import type { SessionEvent } from '../../../src/core/model/events.ts';
import { createIdSource, type SessionId } from '../../../src/core/model/ids.ts';
import type { Principal } from '../../../src/core/model/principal.ts';
import type { SessionRecord } from '../../../src/core/model/records.ts';
import { type SessionRepository, toSessionRepository } from '../../../src/core/model/repository.ts';
import type { Goal } from '../../../src/core/model/runs/goal.ts';
import { Secret } from '../../../src/core/text/secret.ts';
import type { AutomationSpec } from '../../../src/sessions/api/server/automations.ts';
import type { SessionService } from '../../../src/sessions/api/sessions.ts';
import { createInMemoryStore } from '../../../src/storage/memory/store.ts';
import { manualClock } from '../machines/manual-clock.ts';
import { stored } from '../machines/session-parts.ts';

const never = new AbortController().signal;
export const begin = Date.parse('2026-11-24T12:00:30Z');
export const minute = 60_000;
export const spec: AutomationSpec = {
  name: 'Report',
  kind: 'run',
  message: 'Write it.',
  goal: null,
  repositories: [],
  projectId: null,
  template: null,
  model: null,
  skills: [],
  schedule: { cron: '* * * * *', timezone: 'UTC', jitterSeconds: 0, missed: 'latest' },
  hook: null,
  after: null,
  budget: null,
  whileRunning: 'skip',
  maxRunning: 1,
  maxFailures: 3,
  shared: false,
};

/** The sessions of a server that does nothing by itself. */
export function fakeSessions() {
  const all = new Map<SessionId, SessionRecord>();
  const sent: { id: SessionId; text: string; messageId: string | undefined; goal?: Goal | undefined }[] = [];
  const stops: SessionId[] = [];
  let refusal: AppError | undefined;
  const details = new Map<SessionId, string>();
  const sessions: Pick<SessionService, 'create' | 'get' | 'send' | 'stop' | 'delete' | 'history'> = {
    async create({ id, title = '', owner, origin, metadata, budget, projectId = null, repositories }) {
      if (refusal) throw refusal;
      if (!id || all.has(id)) throw new AppError('fenced', 'There is one.');
      const record = stored({
        id,
        title,
        origin,
        projectId,
        status: 'pending',
        ...(owner !== undefined && { owner }),
        ...(metadata && { metadata }),
        ...(budget && { budget }),
        ...(repositories && { repositories: repositories.map(toSessionRepository) }),
      });
      all.set(id, record);
      return record;
    },
    async get(id) {
      const found = all.get(id);
      if (!found) throw new AppError('session_not_found', 'There is no such session.');
      return found;
    },
    async send(id, { text, goal, messageId }) {
      const isThere = sent.some((one) => one.id === id && messageId && one.messageId === messageId);
      if (!isThere) sent.push({ id, text, messageId, ...(goal && { goal }) });
      all.set(id, { ...(all.get(id) as SessionRecord), status: 'running' });
      return {} as never;
    },
    async stop(id) {
      stops.push(id);
      return { stopped: true };
    },
    async delete(id) {
      all.delete(id);
    },
    async *history(id) {
      const detail = details.get(id) ?? '';
      for (const one of sent) if (one.id === id) yield { type: 'message.user' } as SessionEvent;
      for (const { path } of all.get(id)?.repositories ?? [])
        yield { type: 'repository', data: { path, detail } } as SessionEvent;
    },
  };
  return {
    sessions,
    sent,
    stops,
    all,
    refuse: (error: AppError | undefined) => {
      refusal = error;
    },
    /** Changes the repositories of a session as its sandbox would. */
    prepared(id: SessionId, change: Partial<SessionRepository>, detail: string) {
      const record = all.get(id) as SessionRecord;
      details.set(id, detail);
      all.set(id, { ...record, repositories: (record.repositories ?? []).map((one) => ({ ...one, ...change })) });
    },
    wait: (id: SessionId) => void all.set(id, { ...(all.get(id) as SessionRecord), status: 'waiting' }),
    end(id: SessionId, status: 'completed' | 'failed' | 'stopped') {
      const reason = status === 'stopped' ? 'stopped' : status;
      all.set(id, { ...(all.get(id) as SessionRecord), status: 'completed', outcome: { status, reason } });
    },
  };
}

export function automationWorld({
  store = createInMemoryStore(),
  fake = fakeSessions(),
  clock = manualClock(begin),
  isOwned = (): boolean => true,
  prepare = async (_: SessionId): Promise<void> => {},
  keepsPrepared = true,
  tell = async (_: AutomationStartEvent): Promise<void> => {},
} = {}) {
  const records = new AutomationRecords(store);
  const readCost = async () => ({ turns: 1, inputTokens: 10, outputTokens: 2, cost: 0.5 });
  const prebuilds = new PrebuildRunner({ sessions: fake.sessions, prepare, closing: never, wake: () => {} });
  const principalOf = (owner: string | undefined): Principal => ({
    role: 'user',
    ...(owner !== undefined && { owner }),
  });
  const programs = new AutomationPrograms({ principalOf });
  const secretOf = (id: string) => secrets.find(id);
  const starter = new AutomationStarter({
    ...{ records, sessions: fake.sessions, prebuilds, programs, readCost, secretOf },
    ...{ isOwned, clock, tell },
  });
  const leads = async () => true;
  const afterRuns = new RunEndTriggers({ records: store.records, automations: records, clock });
  const scheduler = new AutomationScheduler({
    records,
    starter,
    afterRuns,
    leads,
    shared: store.shared,
    clock,
    warn: () => {},
  });
  const ids = createIdSource();
  const sealed = { v: 1, kid: 'k', key: '', keyNonce: '', textNonce: '' } as const;
  const sealing = {
    seal: (_: string, secret: Secret): SealedValue => ({ ...sealed, text: secret.reveal() }),
    open: (_: string, { text }: SealedValue) => new Secret(text),
  };
  const secrets = new HookSecrets({ ...sealing, records: store.records, token: () => ids.token(), learn: () => {} });
  const receiver = new HookReceiver({ records, clock, wake: () => {}, secretOf: (id) => secrets.find(id) });
  const service = createAutomationService({
    records,
    secrets,
    receiver,
    ids,
    clock,
    check: async () => {},
    isOwned,
    keepsPrepared,
    wake: () => {},
    look: afterRuns.look,
  });
  const round = () => scheduler.round(never);
  const states = async (id: string) => (await service.starts(id, { limit: 50 })).map(({ state }) => state);
  return { store, fake, clock, records, service, programs, round, states, scheduler, afterRuns };
}
