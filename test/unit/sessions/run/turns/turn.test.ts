import { expect, test } from 'vitest';
import { defaultCapabilities, type Model, type TurnPart } from '../../../../../src/agents/models/model.ts';
import type { RunWriter } from '../../../../../src/sessions/run/log/run-writer.ts';
import { TurnBudget } from '../../../../../src/sessions/run/turn-budget.ts';
import { runTurn } from '../../../../../src/sessions/run/turns/turn.ts';
import { asks, exampleTurn, quiet, scribeBench } from '../../../../support/machines/session-parts.ts';

const never = new AbortController().signal;
const finished = (usage: { inputTokens: number; outputTokens: number }): TurnPart => ({
  type: 'end',
  outcome: { kind: 'finished', stop: 'done', usage },
});
const tooLong: TurnPart = {
  type: 'end',
  outcome: { kind: 'failed', code: 'model_context', message: 'Too long.', retryable: false },
};
/** Plans with this model. */
const plan = (runWriter: RunWriter, turn: Model['turn']) => {
  const model = { name: 'small', abilities: { ...defaultCapabilities, window: 1_000_000 }, turn };
  const turnOf = { ...exampleTurn, phase: { kind: 'plan' }, text: 'later' } as const;
  return runTurn({ model, runWriter, budget: new TurnBudget() }, turnOf, never);
};

test('a turn begins after the earlier facts are on the disk and their waiting callers are answered', async () => {
  const order: string[] = [];
  const disk = Promise.withResolvers<void>();
  const { runWriter, writer } = scribeBench({}, { append: (real) => disk.promise.then(real) });
  const written = writer.write([asks('Hello')]);
  const turn = plan(runWriter, async function* () {
    order.push('requested');
    yield finished({ inputTokens: 1, outputTokens: 0 });
  });
  await quiet();
  expect(order).toEqual([]);
  disk.resolve();
  await written;
  for (let hops = 0; hops < 20; hops++) await undefined; // enough microtasks to reach the last subscriber
  order.push('announced');
  expect(await turn).toMatchObject({ ok: true, empty: true });
  expect(order).toEqual(['announced', 'requested']);
});

test('F077 a conversation that is too long for the model is shown once more with its results cut short, and from then on', async () => {
  const { runWriter } = scribeBench();
  const { runId } = runWriter;
  const result = (n: number) => ({ role: 'tool', callId: `c${n}`, name: 'x', success: true }) as const;
  for (let n = 1; n <= 6; n++) runWriter.add({ runId, message: { ...result(n), output: `${n}`.repeat(20_000) } });
  const shown: number[][] = [];
  const turn = () =>
    plan(runWriter, async function* ({ messages }) {
      const lengths = messages.flatMap((message) => (message.role === 'tool' ? [message.output.length] : []));
      shown.push(lengths);
      const isTooLong = lengths.reduce((all, one) => all + one, 0) > 50_000;
      if (!isTooLong) yield { type: 'text', delta: 'Ah.' };
      yield isTooLong ? tooLong : finished({ inputTokens: 1, outputTokens: 1 });
    });
  expect(await turn()).toMatchObject({ ok: true, message: { text: 'Ah.' } });
  expect(shown[0]).toEqual(Array(6).fill(20_000));
  expect(shown[1]?.map((length) => length > 10_000)).toEqual([false, false, false, false, false, true]);
  expect(await turn()).toMatchObject({ ok: true });
  expect(shown[2]).toEqual(shown[1]);
  expect(runWriter.transcript.entries[0]?.message).toMatchObject({ output: '1'.repeat(20_000) }); // kept whole

  runWriter.add({ runId, message: { role: 'user', text: 'y'.repeat(60_000) } });
  const failed = await plan(runWriter, async function* () {
    yield tooLong;
  });
  expect(failed).toMatchObject({ ok: false, result: { kind: 'failed', code: 'model_context' } });
});
