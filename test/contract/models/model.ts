import { describe, expect, test } from 'vitest';
import type { Model } from '../../../src/agents/models/model.ts';
import { ask, played } from '../../support/agents/models.ts';

/** A model whose provider the test controls. The demo model has no provider that could fail or hang. */
export interface ModelHarness {
  answers(): Promise<Model>;
  fails?(): Promise<Model>; // the provider is overloaded
  hangs?(): Promise<Model>; // the provider sends part of a reply, then nothing
}

/** The tests that every model must pass, with any provider. */
export function modelContract(name: string, harness: ModelHarness): void {
  const { fails, hangs } = harness;
  describe(`${name} model`, () => {
    test('a turn has one end, and it comes last', async () => {
      const { parts } = await played(await harness.answers(), ask());
      expect(parts.filter((part) => part.type === 'end')).toEqual([parts.at(-1)]);
    });

    test('a turn that finished says what it cost', async () => {
      const { outcome } = await played(await harness.answers(), ask());
      expect(outcome).toMatchObject({ kind: 'finished', stop: 'done', usage: { inputTokens: expect.any(Number) } });
    });

    test('the model sends only deltas with text', async () => {
      const { deltas } = await played(await harness.answers(), ask());
      expect(deltas.length).toBeGreaterThan(0);
      expect(deltas).not.toContain('');
    });

    test('a signal that fired before the turn ends it as cancelled', async () => {
      const { parts } = await played(await harness.answers(), ask(), AbortSignal.abort());
      expect(parts).toEqual([{ type: 'end', outcome: { kind: 'cancelled' } }]);
    });

    test('a reader that leaves early does no harm', async () => {
      const model = await harness.answers();
      for await (const part of model.turn(ask(), new AbortController().signal)) if (part.type === 'text') break;
    });

    if (fails)
      test('a failure of the far side is an outcome that says whether to try again', async () => {
        const { parts, outcome } = await played(await fails(), ask());
        expect(parts).toHaveLength(1);
        expect(outcome).toMatchObject({ kind: 'failed', retryable: true });
      });

    if (hangs)
      test('cancelling ends the turn immediately, and keeps its text', async () => {
        const stop = new AbortController();
        const model = await hangs();
        const parts = [];
        for await (const part of model.turn(ask(), stop.signal)) {
          parts.push(part);
          if (part.type === 'text') stop.abort();
        }
        expect(parts.at(-1)).toEqual({ type: 'end', outcome: { kind: 'cancelled' } });
        expect(parts).toContainEqual(expect.objectContaining({ type: 'text' }));
      });
  });
}
