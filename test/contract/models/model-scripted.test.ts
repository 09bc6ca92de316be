import { expect, test } from 'vitest';
import { ask, played } from '../../support/agents/models.ts';
import { functionModel, scriptedModel } from '../../support/agents/scripted.ts';
import { modelContract } from './model.ts';

const hi = { type: 'text', delta: 'hi' } as const;
const overloaded = { kind: 'failed', code: 'model_overloaded', message: 'busy', retryable: true } as const;

modelContract('scripted', {
  answers: async () => scriptedModel([[hi]]),
  fails: async () => scriptedModel([[{ type: 'end', outcome: overloaded }]]),
  hangs: async () => scriptedModel([[hi, 'wait']]),
});

test('a script waits for what the test gives it', async () => {
  const gate = Promise.withResolvers<void>();
  const playing = played(scriptedModel([[gate.promise, hi]]), ask());
  expect(await Promise.race([playing, 'waiting'])).toBe('waiting');
  gate.resolve();
  expect((await playing).text).toBe('hi');
});

test('a model without a script left is a broken test, not a failed turn', async () => {
  await expect(played(scriptedModel([]), ask())).rejects.toThrow('no script for turn 1');
});

test('a function decides by the request, and both are remembered', async () => {
  const model = functionModel(({ system }, turn) => [{ type: 'text', delta: `${system} ${turn}` }]);
  await played(model, ask({ system: 'a' }));
  expect((await played(model, ask({ system: 'b' }))).text).toBe('b 1');
  expect(model.requested.map(({ system }) => system)).toEqual(['a', 'b']);
});
