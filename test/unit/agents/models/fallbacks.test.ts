import { expect, test } from 'vitest';
import type { FailedTurn, Model } from '../../../../src/agents/models/model.ts';
import { withFallbacks } from '../../../../src/agents/models/registry.ts';
import { ask, played } from '../../../support/agents/models.ts';
import { type ScriptLine, scriptedModel } from '../../../support/agents/scripted.ts';
import { manualClock } from '../../../support/machines/manual-clock.ts';

const failed = (code: FailedTurn['code'], more: Partial<FailedTurn> = {}): ScriptLine => ({
  type: 'end',
  outcome: { kind: 'failed', code, message: `${code}.`, retryable: true, ...more },
});
const hi: ScriptLine = { type: 'text', delta: 'hi' };
const model = (name: string, scripts: ScriptLine[][]): Model => ({ ...scriptedModel(scripts), name });

function chain(...models: [Model, ...Model[]]) {
  const clock = manualClock();
  const all = withFallbacks(models, { clock, random: () => 0.5 });
  return { clock, all, turn: () => played(all, ask()) };
}

test('a model that works answers under its own name', async () => {
  const { turn } = chain(model('a', [[hi]]), model('b', []));
  expect((await turn()).parts.at(-1)).not.toHaveProperty('model');
});

test.each([
  ...(['model_unauthorized', 'model_unknown', 'model_quota'] as const).map((code) => [code, true] as const),
  ...(['model_refused', 'model_rejected', 'model_context'] as const).map((code) => [code, false] as const),
])('after %s the next model takes over: %s', async (code, takesOver) => {
  const { turn } = chain(model('a', [[failed(code, { retryable: false })]]), model('b', [[hi]]));
  const [finished, stays] = [{ kind: 'finished' }, { kind: 'failed', code }];
  expect((await turn()).parts.at(-1)).toMatchObject(takesOver ? { outcome: finished, model: 'b' } : { outcome: stays });
});

test('F075 a provider that wants a longer wait than a minute is not waited for', async () => {
  const { turn } = chain(model('a', [[failed('model_overloaded', { retryAfterMs: 3_600_000 })]]), model('b', [[hi]]));
  expect((await turn()).text).toBe('hi');
});

test('F075 a longer wait than a minute is capped when there is no other model', async () => {
  const { turn } = chain(model('a', [[failed('model_overloaded', { retryAfterMs: 3_600_000 })]]));
  expect((await turn()).outcome).toMatchObject({ kind: 'failed', retryAfterMs: 57_500 });
});

test('F076 the next model takes over after three failures in a row', async () => {
  const busy = [failed('provider_error')];
  const { turn } = chain(model('a', [busy, busy, busy]), model('b', [[hi]]));
  expect((await turn()).outcome).toMatchObject({ kind: 'failed', retryable: true });
  expect((await turn()).outcome).toMatchObject({ kind: 'failed', retryable: true });
  expect((await turn()).text).toBe('hi');
});

test('F075 two waits that make more than a minute together end the patience', async () => {
  const busy = [failed('model_overloaded', { retryAfterMs: 40_000 })];
  const { turn } = chain(model('a', [busy, busy]), model('b', [[hi]]));
  expect((await turn()).outcome).toMatchObject({ kind: 'failed' });
  expect((await turn()).text).toBe('hi');
});

test('a model that rested is tried again', async () => {
  const busy = failed('model_overloaded', { retryAfterMs: 90_000 });
  const { turn, clock } = chain(model('a', [[busy], [hi]]), model('b', [[hi], [hi]]));
  expect((await turn()).parts.at(-1)).toMatchObject({ model: 'b' });
  expect((await turn()).parts.at(-1)).toMatchObject({ model: 'b' });
  clock.advance(90_001);
  expect((await turn()).parts.at(-1)).not.toHaveProperty('model');
});

test('another model does not continue in the middle of a reply', async () => {
  const { turn } = chain(model('a', [[hi, failed('model_quota', { retryable: false })]]), model('b', [[hi]]));
  expect((await turn()).outcome).toMatchObject({ kind: 'failed', code: 'model_quota' });
  expect((await turn()).parts.at(-1)).toMatchObject({ model: 'b' });
});

test('the error of a chain in which all models fail contains the message of each', async () => {
  const noKey = failed('model_unauthorized', { retryable: false, message: 'a: no key.' });
  const empty = failed('model_quota', { retryable: false, message: 'b: empty.' });
  const { turn } = chain(model('a', [[noKey]]), model('b', [[empty]]));
  const expected = { message: 'a: no key. Then the fallback: b: empty.', retryable: false };
  expect((await turn()).outcome).toMatchObject(expected);
});

test('the abilities are those of the next model', async () => {
  const a = model('a', [[failed('model_quota', { retryable: false })]]);
  const b = { ...model('b', [[hi]]), abilities: { ...a.abilities, window: 7_000 } };
  const { all, turn } = chain(a, b);
  expect(all.abilities.window).toBe(1_000_000);
  await turn();
  expect(all.abilities.window).toBe(7_000);
});
