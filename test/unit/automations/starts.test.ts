import { describe, expect, test, vi } from 'vitest';
import { AppError } from '../../../src/core/errors/errors.ts';
import type { SessionId } from '../../../src/core/model/ids.ts';
import type { AutomationSpec } from '../../../src/sessions/api/server/automations.ts';
import { createInMemoryStore } from '../../../src/storage/memory/store.ts';
import { automationWorld, begin, fakeSessions, minute, spec } from '../../support/automations/world.ts';
import { manualClock } from '../../support/machines/manual-clock.ts';

/** A world with an automation that was started once, by hand. */
async function started(
  more: Partial<AutomationSpec> & { owner?: string } = {},
  options: Parameters<typeof automationWorld>[0] = {},
) {
  const made = automationWorld(options);
  const { id } = await made.service.create({ ...spec, schedule: null, ...more });
  await made.service.start(id, null);
  await made.round();
  return { ...made, id };
}

describe('a scheduled automation', () => {
  test('starts a session with its message at each of its times, and not before', async () => {
    const { service, round, clock, fake } = automationWorld();
    const { id } = await service.create({ ...spec, maxRunning: 20 });
    await round();
    expect(fake.sent).toEqual([]);
    clock.advance(30_000);
    await round();
    clock.advance(minute);
    await round();
    await round();
    expect(fake.sent.map(({ text }) => text)).toEqual(['Write it.', 'Write it.']);
    expect(new Set(fake.sent.map((one) => one.id)).size).toBe(2);
    expect([...fake.all.values()].map(({ title }) => title)).toEqual([
      `2026-11-24 12:01 · ${spec.name}`,
      `2026-11-24 12:02 · ${spec.name}`,
    ]);
    const starts = await service.starts(id, { limit: 10 });
    expect(starts.map(({ cause }) => cause)).toEqual([
      { kind: 'schedule', dueAt: Date.parse('2026-11-24T12:02:00Z') },
      { kind: 'schedule', dueAt: Date.parse('2026-11-24T12:01:00Z') },
    ]);
  });

  test('starts once for all times that a downtime missed, or for none', async () => {
    const { service, round, clock, fake } = automationWorld();
    const none = { ...spec.schedule, missed: 'none' } as NonNullable<AutomationSpec['schedule']>;
    await service.create(spec);
    const other = await service.create({ ...spec, schedule: none });
    clock.advance(60 * minute + 15_000); // one minute and 45 s behind the last whole minute
    clock.advance(minute);
    await round();
    expect(fake.sent).toHaveLength(2); // 13:01:00 is 45 s ago, which is late, not missed
    clock.advance(10 * minute);
    const yearly = { ...none, cron: '5 13 24 11 *' };
    await service.update(other.id, { schedule: { ...yearly, cron: '12 13 24 11 *' } });
    clock.advance(10 * minute);
    await round();
    expect(
      (await service.starts(other.id, { limit: 10 })).filter(({ cause }) => cause.kind === 'schedule'),
    ).toHaveLength(1);
  });

  test('that is paused starts nothing by itself, and from its resumption on at its next time', async () => {
    const { service, round, clock, fake } = automationWorld();
    const { id } = await service.create(spec);
    await service.pause(id);
    clock.advance(5 * minute);
    await round();
    expect(fake.sent).toEqual([]);
    const { nextAt } = await service.resume(id);
    expect(nextAt).toBe(Date.parse('2026-11-24T12:06:00Z'));
    await service.start(id, null);
    await round();
    expect(fake.sent).toHaveLength(1);
  });

  test('starts once, however many servers look at once, and whichever dies between two writes', async () => {
    const store = createInMemoryStore({ shared: true });
    const [fake, clock] = [fakeSessions(), manualClock(begin)];
    const servers = [
      automationWorld({ store, fake, clock }),
      automationWorld({ store, fake, clock }),
      automationWorld({ store, fake, clock }),
    ];
    const { service } = servers[0] as ReturnType<typeof automationWorld>;
    for (let count = 0; count < 20; count++) await service.create({ ...spec, maxRunning: 20 });
    for (let minutes = 0; minutes < 5; minutes++) {
      clock.advance(minute);
      await Promise.all(servers.map(({ round }) => round()));
    }
    await Promise.all(servers.map(({ round }) => round()));
    expect([fake.all.size, new Set(fake.sent.map(({ id }) => id)).size]).toEqual([100, 100]);
    expect(fake.sent).toHaveLength(100);
  });

  test('stays when the store could not be read in a round, and what its deletion left goes', async () => {
    const { service, round, records, store, fake } = automationWorld();
    const kept = await service.create({ ...spec, schedule: null });
    const gone = await service.create({ ...spec, schedule: null });
    for (const { id } of [kept, gone]) await service.start(id, null);
    await store.records.delete('automation', gone.id); // a server died in the middle of its deletion
    vi.spyOn(records, 'get').mockRejectedValueOnce(new AppError('store_unavailable', 'Try again.'));
    await expect(round()).rejects.toThrow('Try again.');
    await round();
    expect((await service.list()).map(({ id }) => id)).toEqual([kept.id]);
    expect((await records.openStarts()).map(({ doc }) => doc.automationId)).toEqual([kept.id]);
    expect(fake.sent).toHaveLength(1);
  });
});

describe('a start that comes while another works', () => {
  async function two(whileRunning: AutomationSpec['whileRunning']) {
    const made = await started({ whileRunning });
    made.clock.advance(1_000);
    await made.service.start(made.id, 'a-key');
    await made.round();
    return { ...made, first: made.fake.sent[0]?.id as SessionId };
  }

  test('is left out, and the history says why', async () => {
    const { states, service, id } = await two('skip');
    expect(await states(id)).toEqual(['skipped', 'running']);
    const [newest] = await service.starts(id, { limit: 1 });
    expect(newest?.text).toBe('Another start of the automation is still running.');
    expect(newest?.cause).toEqual({ kind: 'person', key: 'a-key' });
  });

  test('says that the first waits for an answer', async () => {
    const { service, round, fake, id } = await started({ whileRunning: 'skip' });
    fake.wait(fake.sent[0]?.id as SessionId);
    await service.start(id, 'a-key');
    await round();
    const texts = (await service.starts(id, { limit: 2 })).map(({ text }) => text);
    expect(texts.toSorted()).toEqual(['', 'Another start of the automation is waiting for an answer.']);
  });

  test('waits for the end of the first', async () => {
    const { states, id, fake, first, round } = await two('queue');
    expect(await states(id)).toEqual(['queued', 'running']);
    fake.end(first, 'completed');
    await round();
    expect(await states(id)).toEqual(['running', 'ended']);
  });

  test('stops the first', async () => {
    const { states, id, fake, first, round } = await two('stop');
    expect(fake.stops).toEqual([first]);
    fake.end(first, 'stopped');
    await round();
    expect(await states(id)).toEqual(['running', 'ended']);
  });
});

describe('the end of a start', () => {
  test('has the outcome and the cost of its session', async () => {
    const { service, round, fake, id } = await started();
    fake.end(fake.sent[0]?.id as SessionId, 'completed');
    await round();
    const [start] = await service.starts(id, { limit: 1 });
    expect(start).toMatchObject({ state: 'ended', outcome: { status: 'completed' }, cost: { cost: 0.5 } });
  });

  test('that failed so often in a row pauses the automation, and a success begins the count again', async () => {
    const { service, round, fake, clock } = automationWorld();
    const { id } = await service.create(spec);
    for (const status of ['failed', 'failed', 'completed', 'failed', 'stopped', 'failed', 'failed'] as const) {
      clock.advance(minute);
      await round();
      fake.end(fake.sent.at(-1)?.id as SessionId, status);
      await round();
    }
    const { paused, failures } = await service.get(id);
    expect(failures).toBe(3);
    expect(paused).toMatchObject({ by: 'failures', text: 'It was paused after 3 consecutive failures.' });
    clock.advance(10 * minute);
    await round();
    expect(fake.sent).toHaveLength(7);
  });

  test('whose session cannot be made says why, at once when no later try can help', async () => {
    const { service, round, fake, clock, states } = automationWorld();
    const { id } = await service.create({ ...spec, schedule: null });
    fake.refuse(new AppError('not_found', 'There is no such project.'));
    await service.start(id, null);
    await round();
    const expected = { state: 'failed', text: 'There is no such project.' };
    expect((await service.starts(id, { limit: 1 }))[0]).toMatchObject(expected);
    fake.refuse(new AppError('sandbox_capacity', 'There is no room.'));
    clock.advance(1_000);
    await service.start(id, null);
    await round();
    expect((await service.starts(id, { limit: 1 }))[0]?.text).toBe('It will be retried: There is no room.');
    fake.refuse(undefined);
    await round();
    expect(await states(id)).toEqual(['running', 'failed']);
  });

  test('of an owner without a valid key starts nothing and pauses', async () => {
    const { service, fake, id } = await started({ owner: 'gone' }, { isOwned: () => false });
    expect([fake.sent, (await service.get(id)).paused?.by]).toEqual([[], 'owner']);
  });
});

test('a change with an old version is refused, and one with a bad schedule changes nothing', async () => {
  const { service } = automationWorld();
  const { id } = await service.create(spec);
  await service.update(id, { name: 'Other', version: 1 });
  await expect(service.update(id, { name: 'Third', version: 1 })).rejects.toMatchObject({ code: 'conflict' });
  const schedule = { cron: 'nonsense', timezone: 'UTC', jitterSeconds: 0, missed: 'none' } as const;
  await expect(service.update(id, { name: 'Fourth', schedule })).rejects.toMatchObject({ code: 'invalid_request' });
  expect(await service.get(id)).toMatchObject({ name: 'Other', version: 2 });
});

test('a deleted automation leaves no start behind', async () => {
  const { service, records, id } = await started();
  await service.delete(id);
  expect(await records.openStarts()).toEqual([]);
  await expect(service.starts(id, { limit: 1 })).rejects.toMatchObject({ code: 'not_found' });
});

test('the sessions of an automation have its budget', async () => {
  const budget = { turns: null, tokens: 50_000, cost: 0.5, toolCalls: 40, seconds: 600 };
  const { fake } = await started({ budget });
  expect([...fake.all.values()][0]?.budget).toEqual({ tokens: 50_000, cost: 0.5, toolCalls: 40, ms: 600_000 });
});

describe('an automation with a goal', () => {
  const goal = {
    rubric: 'Each issue has a line.',
    checks: [{ command: 'npm test', timeoutSeconds: 60 }],
    maxRevisions: 1,
  };

  test('gives it to each of its sessions with the message, until somebody takes it away', async () => {
    const { service, round, fake, clock, id } = await started({ maxRunning: 2, goal });
    await service.update(id, { goal: null });
    clock.advance(1_000);
    await service.start(id, null);
    await round();
    expect(fake.sent.map((one) => one.goal)).toEqual([goal, undefined]);
  });

  test('is no prebuild, and one that is stored without a goal has none', async () => {
    const { service, store, records } = automationWorld();
    const repositories = [{ url: 'https://example.com/a/b.git', access: 'read' as const }];
    const prebuild = { ...spec, kind: 'prebuild' as const, message: '', repositories };
    await expect(service.create({ ...prebuild, goal })).rejects.toMatchObject({ code: 'invalid_request' });
    const { id } = await service.create(prebuild);
    await expect(service.update(id, { goal })).rejects.toMatchObject({ code: 'invalid_request' });
    const found = await store.records.get('automation', id);
    const { goal: _, ...earlier } = (found?.doc ?? {}) as { goal?: unknown };
    await store.records.put({ kind: 'automation', id, doc: earlier });
    expect((await records.get(id)).goal).toBeNull();
  });
});
