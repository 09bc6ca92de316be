// @module-tag nightly
import { expect, test } from 'vitest';
import { fakeRefs } from '../../support/agents/fake-models/models.ts';
import { runProgram } from '../../support/clients/e2b-sdks.ts';
import { eachNeeds } from '../../support/servers/components.ts';
import { program, python, serverWith } from './programs.ts';

eachNeeds('bubblewrap'); // a server with a model does not start without it

const bad = [400, 'invalid_request_error', null];

test('a session of a program stops at its cap, and goes on when the cap is raised', async () => {
  const price = { input: 1_000, output: 1_000 };
  await using it = await serverWith('compatible', 'process', {
    CORRAL_MODELS_CATALOG: JSON.stringify({ [fakeRefs.compatible]: { window: 100_000, price } }),
  });
  const files = [program('strict.py'), program('budgets.py')];
  const { faults, models: _, ...steps } = await runProgram({ ...python, files }, it.env);
  expect(steps).toEqual({
    cap: [
      ['budget_reached', '1', false],
      [bad, 'user.interrupt', 'idle', '1', bad],
      ['end_turn', ['You said: The budget of this session was changed. Go on.'], '100000', true],
      [bad, null, bad],
    ],
    unknown: [bad, null],
  });
  expect(faults).toEqual({});
});
