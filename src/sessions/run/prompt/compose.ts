import type { PlanStep } from '../../../core/model/events.ts';
import { fillPart, type PromptFacts, type PromptParts, systemPartNames, valuesOf } from './parts.ts';

/** The server's instructions for one turn. */
export interface TurnPrompt {
  /** The same bytes for each turn of a run, as long as its tools and notes of the workspace stay the same. */
  readonly system: string;
  /** The named parts of `system`, in their order. */
  readonly sections: readonly { readonly part: string; readonly text: string }[];
  readonly answer: string;
  /** The instructions of the grader, whose request has nothing else of the session's. */
  readonly grader: string;
  /** Shows its plan to an agent that plans by itself, when its own calls no longer do. */
  readonly todoList: (steps: readonly PlanStep[]) => string;
  readonly replan: (steps: readonly PlanStep[]) => string;
  readonly step: (steps: readonly PlanStep[], step: PlanStep) => string;
}

/** Puts the parts together that the facts call for. */
export function composePrompt(parts: PromptParts, facts: PromptFacts): TurnPrompt {
  const sections = systemPartNames.flatMap((name) => {
    const values = valuesOf(name, facts);
    const text = values && fillPart(parts[name], values).trim();
    return text ? [{ part: name, text }] : [];
  });
  return {
    sections,
    system: sections.map(({ text }) => text).join('\n\n'),
    answer: parts.answer,
    grader: parts.grader,
    todoList: (steps) => fillPart(parts['todo-list'], { plan: shown(steps) }),
    replan: (steps) => fillPart(parts.replan, { plan: shown(steps) }),
    step: (steps, step) => fillPart(parts.step, { plan: shown(steps), number: step.id, step: step.description }),
  };
}

const shown = (steps: readonly PlanStep[]): string =>
  steps.map(({ id, description, status }) => `${id}. [${status}] ${description}`).join('\n');
