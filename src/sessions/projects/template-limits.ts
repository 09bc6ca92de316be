import type { Template } from '../../core/model/template.ts';
import type { Profile } from '../run/profile.ts';

const inMs = (seconds: number | undefined) => (seconds === undefined ? undefined : seconds * 1_000);

/** The limits and approvals that a template has in place of the server's. */
export function limitsOf({
  maxSteps,
  run,
  session,
  approvals,
}: Pick<Template, 'maxSteps' | 'run' | 'session' | 'approvals'>): Pick<
  Profile,
  'budget' | 'sessionBudget' | 'approvals'
> {
  const { timeoutSeconds, tokenBudget, costBudget, toolCallBudget } = run;
  const budget = given({
    turns: maxSteps,
    wallMs: inMs(timeoutSeconds),
    tokens: tokenBudget,
    cost: costBudget,
    toolCalls: toolCallBudget,
  });
  const sessionBudget = given({
    turns: session.turnBudget,
    tokens: session.tokenBudget,
    cost: session.costBudget,
    toolCalls: session.toolCallBudget,
    ms: inMs(session.timeBudgetSeconds),
  });
  const calls = given({ rules: approvals.rules, tools: approvals.tools, timeoutMs: inMs(approvals.timeoutSeconds) });
  return {
    ...(budget && { budget }),
    ...(sessionBudget && { sessionBudget }),
    ...(calls && { approvals: calls }),
  };
}

type DefinedFields<Fields> = { [Key in keyof Fields]?: Exclude<Fields[Key], undefined> };

/** Only the fields that are set; undefined when none is. */
function given<Fields extends object>(fields: Fields): DefinedFields<Fields> | undefined {
  const set = Object.entries(fields).filter(([, value]) => value !== undefined);
  return set.length === 0 ? undefined : (Object.fromEntries(set) as DefinedFields<Fields>);
}
