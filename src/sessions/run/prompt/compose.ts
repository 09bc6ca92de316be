import type { PlanStep } from '../../../core/model/events.ts';
import { fillPromptPart, type PromptFacts, type PromptParts, promptPartValuesOf, systemPartNames } from './parts.ts';

export interface TurnPrompt {
  /** Constant across the turns of a run while its tools and workspace notes are unchanged. */
  readonly system: string;
  readonly sections: readonly { readonly part: string; readonly text: string }[];
  readonly answer: string;
  /** Instructions of the grader, whose request contains nothing else from the session. */
  readonly grader: string;
  /** Shows a self-planning agent its plan once a compaction has removed its todo calls. */
  readonly todoList: (steps: readonly PlanStep[]) => string;
  readonly replan: (steps: readonly PlanStep[]) => string;
  readonly step: (steps: readonly PlanStep[], step: PlanStep) => string;
}

export function composePrompt(parts: PromptParts, facts: PromptFacts): TurnPrompt {
  const sections = systemPartNames.flatMap((name) => {
    const values = promptPartValuesOf(name, facts);
    const text = values && fillPromptPart(parts[name], values).trim();
    return text ? [{ part: name, text }] : [];
  });
  return {
    sections,
    system: sections.map(({ text }) => text).join('\n\n'),
    answer: parts.answer,
    grader: parts.grader,
    todoList: (steps) => fillPromptPart(parts['todo-list'], { plan: shown(steps) }),
    replan: (steps) => fillPromptPart(parts.replan, { plan: shown(steps) }),
    step: (steps, step) => fillPromptPart(parts.step, { plan: shown(steps), number: step.id, step: step.description }),
  };
}

const shown = (steps: readonly PlanStep[]): string =>
  steps.map(({ id, description, status }) => `${id}. [${status}] ${description}`).join('\n');
