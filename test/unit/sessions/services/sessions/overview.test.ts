import { expect, test } from 'vitest';
import type { SandboxInfo } from '../../../../../drivers/driver.ts';
import { neverAbortingSignal } from '../../../../../src/core/concurrency/cancel.ts';
import { type SessionId, sandboxIdOf } from '../../../../../src/core/model/ids.ts';
import { readServerOverview } from '../../../../../src/sessions/services/sessions/overview.ts';
import { createInMemoryStore } from '../../../../../src/storage/memory/store.ts';
import { manualClock } from '../../../../support/machines/manual-clock.ts';
import { fact, messageId, stored } from '../../../../support/machines/session-parts.ts';
import { newSession } from '../../../../support/stores/store.ts';

const usage = { cpuSeconds: 2, memoryBytes: 5, memoryLimitBytes: 10, processes: 3 };
const infoOf = (sessionId: SessionId, more: Partial<SandboxInfo> = {}): SandboxInfo => ({
  ...{ id: sandboxIdOf(sessionId), sessionId, epoch: 1, template: 'default', image: 'image', expiresAt: 1_000_000 },
  ...{ phase: 'ready', ...more },
});

test('sandboxes are shown with their hosts and load; one that does not answer and a paused one have no load', async () => {
  const [own, hung, elsewhere, ended] = [newSession(), newSession(), newSession(), newSession()];
  const ready = newSession();
  const { records, events } = createInMemoryStore();
  for (const id of [own, hung, elsewhere, ended])
    await records.put({ kind: 'session', id, doc: stored({ id, title: `of ${id}`, owner: 'ada' }) });
  const clock = manualClock();
  const measure = async (_: AbortSignal) => usage;
  const hang = (signal: AbortSignal) =>
    new Promise<typeof usage>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  const clients = new Map([[own, { usage: measure }] as const, [hung, { usage: hang }] as const]);
  const lives = [own, hung, ended].map((id) => ({ id, client: clients.get(id), isPaused: false }));
  const paused = infoOf(elsewhere, { host: 'node-2', phase: 'paused' });
  const overview = readServerOverview(
    {
      records,
      events,
      liveSessions: { all: () => lives, get: (id: SessionId) => lives.find((live) => live.id === id) } as never,
      sandboxesUp: () => [infoOf(own), infoOf(ended), paused, infoOf(ready)],
      sandboxes: { look: async (id: SessionId) => clients.get(id) } as never,
      host: 'here',
      clock,
    },
    neverAbortingSignal,
  );
  await clock.pass(1_000);
  const of = (id: SessionId | undefined) => ({ sessionId: id, title: `of ${id}`, owner: 'ada', isPaused: false });
  expect((await overview).sandboxes).toEqual([
    { ...of(own), host: 'here', usage },
    { ...of(elsewhere), host: 'node-2', isPaused: true, usage: null },
    { ...of(ready), title: null, owner: null, host: 'here', usage: null },
    { ...of(hung), host: 'here', usage: null },
  ]);
});

test('a run that waits is shown with its owner and reason, never with the text of its question', async () => {
  const { records, events } = createInMemoryStore();
  const [asking, spent] = [newSession(), newSession()];
  const budget = { scope: 'person', kind: 'tokens', limit: 1, used: 1, needs: 1 } as const;
  const waits = [
    [asking, { question: 'A secret?' }],
    [spent, { question: 'A secret?', reason: 'budget', budget }],
  ] as const;
  for (const [id, data] of waits) {
    await records.put({ kind: 'session', id, doc: stored({ id, status: 'waiting', title: id, owner: 'ada' }) });
    const begun = fact('run.started', { task: '', messageId: messageId() });
    await events.append({ sessionId: id, after: 0, at: 7, facts: [begun, fact('run.wait', data)] });
  }
  await records.put({ kind: 'session', id: newSession(), doc: stored({ status: 'running' }) });
  const none = { all: () => [], get: () => undefined };
  const { running, waiting, queue } = await readServerOverview(
    {
      ...{ records, events, liveSessions: none, sandboxesUp: () => [], host: 'here', clock: manualClock() },
      sandboxes: { look: async () => undefined },
    },
    neverAbortingSignal,
  );
  expect([running, waiting]).toEqual([1, 2]);
  expect(queue).toEqual([
    { sessionId: asking, title: asking, owner: 'ada', since: 7, reason: null, budget: null },
    { sessionId: spent, title: spent, owner: 'ada', since: 7, reason: 'budget', budget: 'person' },
  ]);
});
