import { expect, test } from 'vitest';
import type { SessionEvent, SessionFact } from '../../../../src/core/model/events.ts';
import { MessageId, RunId } from '../../../../src/core/model/ids.ts';
import { computeSessionCost } from '../../../../src/sessions/services/costs.ts';
import { calledFact } from '../../../support/stores/store.ts';

const runId = RunId.parse('00000000-0000-4000-8000-000000000001');
const messageId = MessageId.parse('00000000-0000-4000-8000-000000000002');
const fact = (type: SessionFact['type'], data: object) => ({ type, runId, data }) as unknown as SessionFact;
const message = (text: string) => fact('message.user', { messageId, text, attachments: [] });
const usage = (inputTokens: number, cost?: number) =>
  fact('usage', { model: 'a/b', inputTokens, outputTokens: 1, ...(cost !== undefined && { cost }) });
const delta = fact('message.delta', { messageId, text: 'Well' });
const calling = (name: string) => fact('tool.calling', { callId: name, tool: 'shell', function: name, args: {} });
const called = (name: string) => calledFact({ callId: name, function: name });
const compacted = (model: string | null) =>
  fact('context.compacted', { uptoSeq: 1, kind: 'summary', before: 9, after: 1, summary: 's', model });

async function* logged(facts: readonly SessionFact[]): AsyncGenerator<SessionEvent> {
  for (const [n, one] of facts.entries()) yield { ...one, sessionId: 'own', seq: n + 1, ts: n } as SessionEvent;
}
const costs = (...facts: SessionFact[]) => computeSessionCost(logged(facts));
const shares = async (...facts: SessionFact[]) =>
  (await costs(...facts)).events.map((it) => `${it.seq} ${it.about}: ${it.turns} turn, ${it.inputTokens} tokens`);

const [hello, go] = [message('Hello'), message('Go')];
test.each<[string, SessionFact[], string[]]>([
  ['the message that it answers', [hello, delta, usage(10)], ['1 Hello: 1 turn, 10 tokens']],
  [
    'the last result that it had to wait for',
    [go, usage(10), calling('a'), calling('b'), called('b'), called('a'), usage(30)],
    ['1 Go: 1 turn, 10 tokens', '6 a: 1 turn, 30 tokens'],
  ],
  [
    'what preceded it, and not to a message that came during the turn',
    [go, delta, message('And quickly'), usage(10), delta, usage(20)],
    ['1 Go: 1 turn, 10 tokens', '3 And quickly: 1 turn, 20 tokens'],
  ],
  [
    'its own message, after a reply that was stopped',
    [hello, delta, fact('run.end', { status: 'stopped' }), go, delta, usage(10)],
    ['4 Go: 1 turn, 10 tokens'],
  ],
  [
    'its compaction, where it wrote the summary',
    [go, usage(10), calling('a'), called('a'), usage(500), compacted('a/b'), usage(20)],
    ['1 Go: 1 turn, 10 tokens', '6 summary: 1 turn, 500 tokens', '4 a: 1 turn, 20 tokens'],
  ],
  [
    'its own cause, where results were dropped without a model',
    [go, usage(10), compacted(null), called('a'), usage(20)],
    ['1 Go: 1 turn, 10 tokens', '4 a: 1 turn, 20 tokens'],
  ],
])('a turn belongs to %s', async (_, facts, expected) => expect(await shares(...facts)).toEqual(expected));

test('the shares add up to the total, and kinds join the results of one tool, the most expensive first', async () => {
  const { total, kinds } = await costs(
    ...[go, usage(10, 0.5), called('a'), usage(20, 1)],
    ...[called('b'), usage(5, 0.25), called('a'), usage(30, 2)],
  );
  expect(total).toMatchObject({ turns: 4, inputTokens: 65, outputTokens: 4, cost: 3.75 });
  const listed = kinds.map(({ kind, turns, cost }) => `${kind}: ${turns} for ${cost}`);
  expect(listed).toEqual(['tool.called a: 2 for 3', 'message.user: 1 for 0.5', 'tool.called b: 1 for 0.25']);
});

test('a fork did not spend what its copied turns cost, nor what they cost in a fork of it', async () => {
  const forked = (to: string) => fact('session.forked', { from: 'parent', to });
  const { total, events, kinds } = await costs(go, usage(10, 1), forked('own'), go, usage(20, 2), forked('child'));
  expect([total.cost, events.length, kinds.length]).toEqual([2, 1, 1]);
});

test('a cost is unknown when the price of one turn is', async () =>
  expect((await costs(message('Go'), usage(10, 1), called('a'), usage(20))).total.cost).toBeNull());

test('a session without turns cost nothing', async () =>
  expect(await costs(message('Go'))).toMatchObject({ total: { turns: 0, cost: 0 }, events: [], kinds: [] }));
