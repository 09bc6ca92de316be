import type { PlanStep, SessionFact } from '../../core/model/events.ts';
import type { RunWriter } from './log/run-writer.ts';
import { splitInHalf } from './plan.ts';

const hasEnded = ({ status }: PlanStep): boolean => status === 'completed' || status === 'failed';

/** Returns the facts in the required order: finished steps, their result, the plan, the next step. */
export function createTodoFacts(runWriter: RunWriter, steps: readonly PlanStep[], result = ''): SessionFact[] {
  const before = new Map(runWriter.steps.map((step) => [step.id, step]));
  const isNews = (step: PlanStep) => before.get(step.id)?.status !== step.status;
  const running = steps.find(({ status }) => status === 'running');
  const begins = running && isNews(running) ? running : undefined;
  const ended = steps.filter((step) => hasEnded(step) && isNews(step));
  const facts = ended.flatMap((step) => {
    const began = before.get(step.id)?.status === 'running';
    return [...(began ? [] : [runWriter.step({ ...step, status: 'running' })]), runWriter.step(step)];
  });
  const lines = result.trim() === '' ? [] : runWriter.messageFacts(splitInHalf(result));
  const shown = steps.map((step): PlanStep => (step === begins ? { ...step, status: 'pending' } : step));
  return [...facts, ...lines, runWriter.plan(shown), ...(begins ? [runWriter.step(begins)] : [])];
}

export const closePlan = (steps: readonly PlanStep[], failed: boolean): readonly PlanStep[] =>
  steps.map((step) => {
    if (hasEnded(step)) return step;
    return { ...step, status: step.status === 'running' && !failed ? 'completed' : 'failed' };
  });
