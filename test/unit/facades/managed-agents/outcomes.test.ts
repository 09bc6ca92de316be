import { expect, test } from 'vitest';
import type { SessionEvent, SessionFact } from '../../../../src/core/model/events.ts';
import type { SessionId } from '../../../../src/core/model/ids.ts';
import { parseInboundEvents } from '../../../../src/facades/compat/managed-agents/sessions/inbound.ts';
import { ThreadProjection } from '../../../../src/facades/compat/managed-agents/sessions/projection.ts';
import { sendEvents } from '../../../../src/facades/compat/managed-agents/sessions/send.ts';
import { SessionProjection } from '../../../../src/facades/compat/managed-agents/sessions/threads/session-projection.ts';

const sessionId = '0123456789abcdef' as SessionId;
const runId = '3f0b6f0e-7c1d-4a51-9f43-2f6f0f1f7a10';
const messageId = '3f0b6f0e-7c1d-4a51-9f43-2f6f0f1f7a11';
const facts = { name: 'Poet', customTools: new Set<string>(), servers: new Map<string, string>() };
const outcomeId = 'outc_0123456789abcdef0000001';

type Log = readonly { type: string; data: object }[];
const stored = (log: Log) =>
  log.map((fact, n) => ({ ...(fact as SessionFact), runId, seq: n + 1, ts: 1_000 * n, sessionId }) as SessionEvent);
function projected(...log: Log) {
  const projection = new ThreadProjection(sessionId, facts);
  const events = stored(log).flatMap((event) => projection.add(event));
  const ends = events.filter(({ type }) => type === 'span.outcome_evaluation_end');
  return { projection, events, ends, types: events.map(({ type }) => type) };
}
const targetOf = (projection: SessionProjection, sessions: object) => {
  return { record: { id: sessionId }, projection, sessions, resolveUpload: async () => '', now: () => 0 };
};
const responseTo = (goal: object) => ({
  type: 'message.user',
  data: { messageId, text: 'Write a poem', attachments: [], goal: { checks: [], maxRevisions: 1, ...goal } },
});
const begun = [
  responseTo({ rubric: 'It rhymes.' }),
  { type: 'run.started', data: { task: 'Write a poem', messageId } },
];
const goal = (kind: string, more: object = {}) => ({ type: 'goal', data: { kind, round: 1, ...more } });
const graded = { type: 'usage', data: { model: 'm', inputTokens: 10, outputTokens: 5, purpose: 'grade' } };
const judged = (result: string, more: object = {}) => goal('judged', { result, reason: 'It lacks a rhyme.', ...more });
const feedback = { messageId, text: 'Go on.' };
const end = (reason: string, result: string) => ({
  type: 'run.end',
  data: {
    status: reason === 'stopped' ? 'stopped' : 'completed',
    reason,
    task: 'x',
    goal: { result, reason: 'It ended.', rounds: 0 },
  },
});

test('a goal with a rubric is an outcome: defined, evaluated, revised, and at its end after the last revision', () => {
  const { projection, events, ends, types } = projected(
    ...begun,
    goal('checking'),
    graded,
    judged('not_satisfied', { feedback }),
    goal('checking', { command: 'true' }),
    goal('checking'),
    judged('not_satisfied'),
  );
  expect(types.filter((type) => !type.includes('running'))).toEqual([
    ...['user.define_outcome', 'span.outcome_evaluation_start', 'span.outcome_evaluation_end'],
    ...['span.outcome_evaluation_start', 'span.outcome_evaluation_ongoing', 'span.outcome_evaluation_end'],
  ]);
  const rubric = { type: 'text', content: 'It rhymes.' };
  expect(events[0]).toMatchObject({ description: 'Write a poem', rubric, max_iterations: 2, outcome_id: outcomeId });
  const starts = events.filter(({ type }) => type === 'span.outcome_evaluation_start');
  expect(ends.map(({ outcome_evaluation_start_id: id }) => id)).toEqual(starts.map(({ id }) => id));
  expect(ends).toMatchObject([
    { iteration: 0, result: 'needs_revision', explanation: 'It lacks a rhyme.', usage: { input_tokens: 10 } },
    { iteration: 1, result: 'max_iterations_reached', usage: { input_tokens: 0 } },
  ]);
  expect(projection.usage).toMatchObject({ input: 10, output: 5 });
  expect(projection.outcomes.views()).toMatchObject([
    { outcome_id: outcomeId, iteration: 1, result: 'max_iterations_reached', completed_at: '1970-01-01T00:00:07.000Z' },
  ]);
});

test.each([
  ['stopped', 'interrupted'],
  ['completed', 'failed'],
])('an outcome whose run ends before its verdict (%s) is %s', (reason, result) => {
  const { projection, ends } = projected(...begun, goal('checking'), end(reason, 'could_not_be_judged'));
  expect(ends).toMatchObject([{ result, explanation: 'It ended.' }]);
  expect(projection.outcomes.isActive).toBe(false);
});

test('an interrupt that ends an outcome has the id that its program received', async () => {
  const [before, after] = [[...begun, goal('checking')], [end('stopped', 'could_not_be_judged')]];
  const log = stored([...before, ...after]);
  const projection = new SessionProjection(sessionId, facts);
  for (const event of log.slice(0, before.length)) projection.add(event);
  const page = async (_: string, from: number) => ({ events: log.slice(from), head: log.length });
  const sessions = { stop: async () => ({ stopped: true }), page };
  const target = targetOf(projection, sessions);
  const reported = await sendEvents(target as never, parseInboundEvents({ events: [{ type: 'user.interrupt' }] }));
  const events = log.slice(before.length).flatMap((event) => projection.add(event).map((one) => one.event));
  expect(events.slice(0, 2).map(({ type, id }) => [type, id])).toEqual([
    ['user.interrupt', reported[0]?.id],
    ['span.outcome_evaluation_end', expect.not.stringMatching(`^${reported[0]?.id}$`)],
  ]);
});

test('an outcome of a run that never began ends without an evaluation', () => {
  const { ends } = projected(responseTo({ rubric: 'It rhymes.' }), end('stopped', 'could_not_be_judged'));
  expect(ends).toMatchObject([{ outcome_evaluation_start_id: '', result: 'interrupted' }]);
});

test('a goal of checks alone is a message', () => {
  const { projection, types } = projected(
    responseTo({ checks: [{ command: 'true', timeoutSeconds: 1 }] }),
    { type: 'run.started', data: { task: 'Write a poem', messageId } },
    goal('checking'),
  );
  expect([types[0], projection.outcomes.views()]).toEqual(['user.message', []]);
});

const choice = { type: 'user.define_outcome', description: 'Write', rubric: { type: 'text', content: 'It rhymes.' } };
function sending(...log: Log) {
  const projection = new SessionProjection(sessionId, facts);
  for (const event of stored(log)) projection.add(event);
  const sent: object[] = [];
  const send = async (_: string, message: object) => {
    sent.push(message);
    return { seq: 1 };
  };
  const target = targetOf(projection, { send });
  return { sent, send: (...events: object[]) => sendEvents(target as never, parseInboundEvents({ events })) };
}

test('an outcome that is requested is a message with a goal, judged so often as wished', async () => {
  const { sent, send } = sending();
  expect(await send({ ...choice, max_iterations: 5 })).toMatchObject([
    { type: 'user.define_outcome', outcome_id: outcomeId, max_iterations: 5, processed_at: expect.any(String) },
  ]);
  expect(sent).toEqual([{ text: 'Write', mode: 'queue', goal: { rubric: 'It rhymes.', checks: [], maxRevisions: 4 } }]);
});

test.each<[string, object[], string, Log?]>([
  ['a second one before the verdict', [choice, choice], 'without a verdict'],
  ['a new one before the verdict on the last', [choice], 'without a verdict', begun],
  ['a blank rubric', [{ ...choice, rubric: { type: 'text', content: ' ' } }], 'blank'],
  ['21 iterations', [{ ...choice, max_iterations: 21 }], '20'],
  ['a rubric in a file', [{ ...choice, rubric: { type: 'file', file_id: 'file_1' } }], 'rubric'],
])('%s is refused, and nothing is sent', async (_, events, why, before = []) => {
  const { sent, send } = sending(...before);
  await expect((async () => await send(...events))()).rejects.toThrow(why);
  expect(sent).toEqual([]);
});
