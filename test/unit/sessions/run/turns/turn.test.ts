import { expect, test } from 'vitest';
import { defaultCapabilities, type Model } from '../../../../../src/agents/models/model.ts';
import { TurnBudget } from '../../../../../src/sessions/run/turn-budget.ts';
import { takeTurn } from '../../../../../src/sessions/run/turns/turn.ts';
import { asks, quiet, scribeBench } from '../../../../support/machines/session-parts.ts';

const expected = {
  phase: { kind: 'plan' } as const,
  note: '',
  hint: undefined,
  tools: [],
  prompt: { system: '', sections: [] },
  workdir: '/workspace',
  text: 'later' as const,
};

test('a turn begins after the earlier facts are on the disk and their waiting callers are answered', async () => {
  const order: string[] = [];
  const disk = Promise.withResolvers<void>();
  const { runWriter, writer } = scribeBench({}, { append: (real) => disk.promise.then(real) });
  const model: Model = {
    name: 'one that says nothing',
    abilities: defaultCapabilities,
    async *turn() {
      order.push('requested');
      const usage = { inputTokens: 1, outputTokens: 0 };
      yield { type: 'end', outcome: { kind: 'finished', stop: 'done', usage } };
    },
  };
  const written = writer.write([asks('Hello')]);
  const turn = takeTurn({ model, runWriter, budget: new TurnBudget() }, expected, new AbortController().signal);
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
  const model: Model = {
    abilities: { ...defaultCapabilities, window: 1_000_000 },
    name: 'a small one',
    async *turn({ messages }) {
      const lengths = messages.flatMap((message) => (message.role === 'tool' ? [message.output.length] : []));
      shown.push(lengths);
      const isTooLong = lengths.reduce((all, one) => all + one, 0) > 50_000;
      const usage = { inputTokens: 1, outputTokens: 1 };
      if (!isTooLong) yield { type: 'text', delta: 'Ah.' };
      yield {
        type: 'end',
        outcome: isTooLong
          ? { kind: 'failed', code: 'model_context', message: 'Too long.', retryable: false }
          : { kind: 'finished', stop: 'done', usage },
      };
    },
  };
  const turn = () => takeTurn({ model, runWriter, budget: new TurnBudget() }, expected, new AbortController().signal);
  expect(await turn()).toMatchObject({ ok: true, message: { text: 'Ah.' } });
  expect(shown[0]).toEqual(Array(6).fill(20_000));
  expect(shown[1]?.map((length) => length > 10_000)).toEqual([false, false, false, false, false, true]);
  expect(await turn()).toMatchObject({ ok: true });
  expect(shown[2]).toEqual(shown[1]);
  expect(runWriter.transcript.entries[0]?.message).toMatchObject({ output: '1'.repeat(20_000) }); // kept whole

  runWriter.add({ runId, message: { role: 'user', text: 'y'.repeat(60_000) } });
  const hopeless: Model = {
    name: 'none',
    abilities: { ...defaultCapabilities, window: 1_000_000 },
    async *turn() {
      shown.push([]);
      yield { type: 'end', outcome: { kind: 'failed', code: 'model_context', message: 'Too long.', retryable: false } };
    },
  };
  const failed = await takeTurn(
    { model: hopeless, runWriter, budget: new TurnBudget() },
    expected,
    new AbortController().signal,
  );
  expect(failed).toMatchObject({ ok: false, result: { kind: 'failed', code: 'model_context' } });
});
