import { z } from 'zod';
import { PlanStep, StepStatus } from '../../core/model/events.ts';
import { defineTool } from './tool.ts';

type RequestedStep = Pick<PlanStep, 'description' | 'status'>;

export const todoTool = defineTool({
  name: 'todo',
  family: 'message',
  group: 'always',
  label: 'Update plan',
  description:
    'Set the plan: the whole list of steps, in order, with what became of each. Call it in the same reply as your next ' +
    'calls. Steps that ended stay in the plan when you leave them out.',
  parameters: z.object({
    steps: z
      .array(
        PlanStep.pick({ description: true }).extend({
          description: z.string().trim().min(1).max(1_000).describe('as before, if the step is in the plan'),
          status: StepStatus,
        }),
      )
      .min(1)
      .max(1_000)
      .describe('at most one is running: the one of your next calls'),
    result: z.string().max(20_000).optional().describe('what came out of the steps that end now, for the user'),
  }),
  needs: [],
  orderKey: () => 'todo',
  run: async ({ plan = [] }, { steps, result }) => {
    if (steps.filter(({ status }) => status === 'running').length > 1) {
      return { ok: false, reason: 'bad_arguments', output: 'Only one step can be running.' };
    }
    const next = changed(plan, steps);
    const left = next.filter(({ status }) => status === 'pending' || status === 'running').length;
    return {
      ok: true,
      output: left === 0 ? 'Noted. No step is left.' : `Noted. ${left} of ${next.length} steps are left.`,
      plan: { steps: next, ...(result !== undefined && { result }) },
    };
  },
});

/** Steps with the same text keep their ids. Other old steps are dropped if pending; a running one becomes `failed`. */
function changed(plan: readonly PlanStep[], requested: readonly RequestedStep[]): readonly PlanStep[] {
  const left = [...plan];
  let id = Math.max(0, ...plan.map((step) => Number(step.id) || 0));
  const steps = requested.map(({ description, status }): PlanStep => {
    const at = left.findIndex((step) => step.description.trim() === description);
    const [known] = at < 0 ? [] : left.splice(at, 1);
    return { id: known?.id ?? String(++id), description: known?.description ?? description, status };
  });
  const runs = steps.some(({ status }) => status === 'running');
  const kept = left.flatMap((step): PlanStep[] => {
    if (step.status === 'pending') return [];
    return [step.status === 'running' ? { ...step, status: 'failed' } : step];
  });
  const all = [...kept, ...steps];
  const before = plan.find(({ status }) => status === 'running')?.id;
  return runs
    ? all
    : all.map((step) => (step.id === before && step.status === 'pending' ? { ...step, status: 'running' } : step));
}
