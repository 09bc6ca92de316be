import { expect, test } from 'vitest';
import type { Model } from '../../../src/llm/model.ts';
import { takeTurn } from '../../../src/session/actors/turn.ts';
import { asks, quiet, scribeBench } from '../../support/session-parts.ts';

const wanted = {
  ...{ phase: { kind: 'plan' } as const, note: '', hint: undefined, tools: [], workdir: '/workspace' },
  ...{ prompt: undefined, text: 'later' as const },
};

test('a turn begins when what was said before it is durable, and whoever waits for that has been told', async () => {
  const order: string[] = [];
  const disk = Promise.withResolvers<void>();
  const { scribe, writer } = scribeBench({}, { append: (real) => disk.promise.then(real) });
  const model: Model = {
    name: 'one that says nothing',
    async *turn() {
      order.push('asked');
      const usage = { inputTokens: 1, outputTokens: 0 };
      yield { type: 'end', outcome: { kind: 'finished', stop: 'done', usage } };
    },
  };
  const written = writer.write([asks('Hello')]);
  const turn = takeTurn({ model, scribe }, wanted, new AbortController().signal);
  await quiet();
  expect(order).toEqual([]);
  disk.resolve();
  await written;
  for (let hops = 0; hops < 20; hops++) await undefined; // as many as it takes to the last of who follow
  order.push('told');
  expect(await turn).toMatchObject({ ok: true, empty: true });
  expect(order).toEqual(['told', 'asked']);
});
