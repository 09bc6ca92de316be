import { describe, expect, test } from 'vitest';
import type { SessionFact } from '../../../src/core/model/events.ts';
import { createIdSource, type SessionId } from '../../../src/core/model/ids.ts';
import type { SessionRecord } from '../../../src/core/model/records.ts';
import type { CompletionTrigger } from '../../../src/sessions/api/server/automations.ts';
import { createEventLog } from '../../../src/storage/log/log.ts';
import { automationWorld, spec } from '../../support/automations/world.ts';
import { stored } from '../../support/machines/session-parts.ts';

const byHand = { ...spec, schedule: null, maxRunning: 20 };
const project = '00000000-0000-4000-8000-00000000aaaa';

function logged() {
  const made = automationWorld();
  const { store, afterRuns, clock, service, fake } = made;
  const log = afterRuns.around(createEventLog(store.events, { maxLag: 100, pageSize: 100 }));
  const ids = createIdSource();
  /** The end of a run, as the engine appends it together with the session's record. */
  async function ends(input: Partial<SessionRecord> & { readonly id: SessionId }, status = 'completed') {
    const fact = { type: 'run.end', runId: null, data: { status, reason: status, task: 'Work' } };
    const { id } = input;
    const { events } = await log.page(id, 0, 100);
    const doc = stored({ title: 'Work', latestMessage: 'No problems found.', ...input });
    const facts = [fact as unknown as SessionFact];
    await log.append({
      sessionId: id,
      after: events.length,
      at: clock.now(),
      facts,
      puts: [{ kind: 'session', id, doc }],
    });
  }
  /** The end of the run of each active session that an automation started. */
  async function allEnd() {
    for (const { id, status } of [...fake.all.values()]) {
      if (status === 'completed') continue;
      fake.end(id, 'completed');
      await ends(fake.all.get(id) as SessionRecord);
    }
  }
  const follow = (after: CompletionTrigger, more = {}) => service.create({ ...byHand, after, ...more });
  return { ...made, ends, allEnd, follow, newId: () => ids.sessionId() };
}

describe('an automation that follows other runs', () => {
  test('starts once for each end with its outcome, with the last message as quoted lines', async () => {
    const { ends, follow, newId, round, fake, service } = logged();
    const id = newId();
    const done = await follow({ of: 'session', id, outcome: 'done' });
    const failed = await follow({ of: 'session', id, outcome: 'failed' });
    await ends({ id });
    await ends({ id: newId() });
    await round();
    await round();
    expect(fake.sent).toHaveLength(1);
    expect(fake.sent[0]?.text).toContain(`\n> Work (session ${id})\n> \n> Its last message:\n> No problems found.`);
    expect(await service.starts(done.id, { limit: 9 })).toMatchObject([
      { cause: { kind: 'run', sessionId: id, outcome: 'done' } },
    ]);
    await ends({ id }, 'failed');
    await ends({ id }, 'stopped');
    await round();
    expect(await service.starts(failed.id, { limit: 9 })).toHaveLength(1);
    expect(fake.sent).toHaveLength(2);
  });

  test('is notified of the sessions of its owner alone, and of none while it is paused', async () => {
    const { ends, follow, newId, round, fake, service } = logged();
    const { id: own } = await follow({ of: 'project', id: project, outcome: 'any' }, { owner: 'ann' });
    await ends({ id: newId(), projectId: project, owner: 'bob' });
    await ends({ id: newId(), projectId: null, owner: 'ann' });
    await round();
    expect(fake.sent).toEqual([]);
    await ends({ id: newId(), projectId: project, owner: 'ann' });
    await round();
    expect(fake.sent).toHaveLength(1);
    await service.pause(own);
    await ends({ id: newId(), projectId: project, owner: 'ann' });
    await round();
    expect(fake.sent).toHaveLength(1);
  });

  test('is not started by metadata that a person chose', async () => {
    const { ends, follow, newId, round, fake, service } = logged();
    const first = await service.create(byHand);
    await follow({ of: 'automation', id: first.id, outcome: 'done' });
    await ends({ id: newId(), origin: 'trpc', metadata: { automation: first.id, start: `${first.id}:x` } });
    await round();
    expect(fake.sent).toEqual([]);
  });

  test('starts after another automation, whose rule may not lead back to it', async () => {
    const { allEnd, follow, round, fake, service } = logged();
    const first = await service.create(byHand);
    const second = await follow({ of: 'automation', id: first.id, outcome: 'done' });
    const third = await follow({ of: 'automation', id: second.id, outcome: 'done' });
    for (const id of [third.id, first.id]) {
      const back = service.update(first.id, { after: { of: 'automation', id, outcome: 'done' } });
      await expect(back).rejects.toMatchObject({ code: 'invalid_request' });
    }
    await service.start(first.id, null);
    for (let n = 0; n < 5; n++) {
      await round();
      await allEnd();
    }
    expect(fake.sent).toHaveLength(3);
  });

  test('is never started by a run that it caused itself, however the rules are knotted', async () => {
    const { allEnd, ends, follow, newId, round, fake } = logged();
    await follow({ of: 'project', id: project, outcome: 'any' }, { projectId: project });
    await follow({ of: 'project', id: project, outcome: 'any' }, { projectId: project });
    await ends({ id: newId(), projectId: project });
    for (let n = 0; n < 8; n++) {
      await round();
      await allEnd();
    }
    expect(fake.sent).toHaveLength(4); // each starts once for the session, and once for the other one
  });
});
