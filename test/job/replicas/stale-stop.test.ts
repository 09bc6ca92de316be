// @module-tag all
import { expect, test } from 'vitest';
import { MessageId, RunId } from '../../../src/core/model/ids.ts';
import { StoredSession } from '../../../src/sessions/run/log/projection.ts';
import { replicas } from '../../support/stores/replicas.ts';

const task = 'work';
const messageId = MessageId.parse(crypto.randomUUID());
const runId = RunId.parse(crypto.randomUUID());

test('F109 a stop ends the run of a message that a previous owner was still writing', async () => {
  await using world = await replicas();
  const { sessions } = (await world.another()).core.services;
  const { id } = await sessions.create({ origin: 'trpc' });
  const phases = async () =>
    (await world.events(id)).map((event) => event.type === 'sandbox.phase' && event.data.phase);
  await expect.poll(async () => (await phases()).at(-1)).toBe('ready');
  expect(await sessions.stop(id)).toEqual({ stopped: false });

  const after = (await world.events(id)).length;
  const found = await world.store.records.get('session', id);
  const openRuns = [{ runId, messageId, task, seq: after + 1, startedSeq: null }];
  const doc = { ...StoredSession.parse(found?.doc), openRuns, lastSeq: after + 1 };
  await world.store.events.append({
    sessionId: id,
    after,
    at: Date.now(),
    facts: [{ type: 'message.user', runId, data: { messageId, text: task, attachments: [] } }],
    puts: [{ kind: 'session', id, doc }],
  });
  expect(await sessions.stop(id)).toEqual({ stopped: true });
  expect((await world.events(id)).filter(({ type }) => type === 'run.end')).toMatchObject([
    { runId, data: { status: 'stopped' } },
  ]);
});
