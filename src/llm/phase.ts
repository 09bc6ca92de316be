import type { TurnPhase } from './model.ts';

/** What a turn is for, in words for a model that reads. The demo model reads the phase itself. */
export function phaseInstruction(phase: TurnPhase): string {
  switch (phase.kind) {
    case 'plan':
      return (
        'Make a plan for the latest request by calling make_plan: a short title, the steps in order (few and concrete, ' +
        'each something you can do with your tools), and in `acknowledgement` one sentence to the user.'
      );
    case 'act':
      return (
        `Now do step ${phase.stepIndex + 1} of the plan: ${phase.step.description}\n` +
        'Use the tools as needed. When the step is done, or cannot be done, say in a short text without any tool call what came of it.'
      );
    case 'replan':
      return (
        'New messages came in while you worked. The plan so far:\n' +
        phase.steps.map((step, at) => `${at + 1}. [${step.status}] ${step.description}`).join('\n') +
        '\nCall make_plan with all steps that are still to do, in order: the pending ones that still make sense and what the new messages ask for.'
      );
    case 'summarize':
      return 'All steps have ended. Answer the user now: what was done, what was found, what failed, and where the results are.';
  }
}
