import { expect, test } from 'vitest';
import { todoTool } from '../../../../src/agents/tools/todo.ts';
import type { ToolContext } from '../../../../src/agents/tools/tool.ts';
import type { PlanStep, StepStatus } from '../../../../src/core/model/events.ts';

const plan: readonly PlanStep[] = [
  { id: '1', description: 'Read', status: 'completed' },
  { id: '2', description: 'Write', status: 'running' },
  { id: '3', description: 'Test', status: 'pending' },
];
const step = (description: string, status: StepStatus) => ({ description, status });
const changed = async (steps: readonly object[], before: readonly PlanStep[] = plan) =>
  await todoTool.run({ plan: before } as ToolContext, { steps, result: 'Written.' });

test('steps keep their ids by their text, and new ones get new ids', async () => {
  const begun = [step('Read', 'completed'), step('Write', 'completed'), step('Lint', 'running')];
  const steps = [...begun, step('Test', 'pending')];
  expect(await changed(steps)).toMatchObject({
    ok: true,
    output: 'Noted. 2 of 4 steps are left.',
    plan: { steps: ['1', '2', '4', '3'].map((id, n) => ({ id, ...steps[n] })), result: 'Written.' },
  });
});

test('a list can leave out steps that ended and drop those that never began; one at work then failed', async () =>
  expect((await changed([step('Lint', 'running')])).plan?.steps).toEqual([
    plan[0],
    { id: '2', description: 'Write', status: 'failed' },
    { id: '4', description: 'Lint', status: 'running' },
  ]));

test('the step at work continues while no other begins', async () => {
  const { plan: after } = await changed([step('Write', 'pending'), step('Test', 'pending')]);
  expect(after?.steps.map(({ status }) => status)).toEqual(['completed', 'running', 'pending']);
});

test('a first plan needs none before it', async () =>
  expect((await changed([step('Read', 'running')], [])).plan?.steps).toEqual([
    { id: '1', ...step('Read', 'running') },
  ]));

test.each([
  ['two running steps', [step('Write', 'running'), step('Test', 'running')], /Only one step/],
  ['a status of its own', [step('Write', 'paused' as StepStatus)], /status/],
  ['no step', [], /steps/],
])('%s is refused with a reason for the model', async (_, steps, reason) => {
  const expected = { ok: false, reason: 'bad_arguments', output: expect.stringMatching(reason) };
  expect(await changed(steps)).toMatchObject(expected);
});
