import { z } from 'zod';
import { Goal } from '../../../core/model/runs/goal.ts';
import type { SubAgent } from '../../../core/model/session-agent.ts';
import { truncateOutput } from '../output.ts';
import { defineTool, type Tool, type ToolContext, type ToolResult } from '../tool.ts';
import type { ChildState, ChildTask } from './child-runs.ts';

const count = z.int().min(1).optional();
const shared = { family: 'delegate', group: 'always', needs: ['children'], orderKey: () => null } as const;
const child = z
  .string()
  .regex(/^[0-9a-f]{16}$/)
  .describe('the id of the child, as delegate returned it');

const described = { ...shared, name: 'delegate', label: 'Delegate' } as const;
const seesNothing =
  'Give a part of the work to an agent with a context and a sandbox of its own. It sees nothing of this conversation, so ' +
  'the task must say all that it needs.';
const work = {
  task: z.string().trim().min(1).max(50_000),
  files: z.enum(['copy', 'none']).default('copy').describe('copy: it begins with a copy of the workspace as it is now'),
  wait: z.boolean().default(true).describe('false: continue immediately, and check later with delegate_check'),
};

const delegate = defineTool({
  ...described,
  description: `${seesNothing} It has no more tools, hosts, permissions or budget than you.`,
  parameters: z.object({
    ...work,
    template: z.string().max(80).optional().describe('another kind of agent; default: one like you'),
    budget: z
      .object({ turns: count, tokens: count, cost: z.number().positive().optional(), toolCalls: count })
      .optional()
      .describe('taken from your own budget'),
    goal: z
      .object({
        rubric: Goal.shape.rubric.describe('what the result has to be like; a grader judges it'),
        checks: z
          .array(z.string().trim().min(1).max(4_000))
          .max(20)
          .optional()
          .describe('commands that have to exit with 0'),
        revisions: Goal.shape.maxRevisions.describe('how many times the child may try again when it misses the goal'),
      })
      .optional()
      .describe('the measure of its work, with a rubric, checks or both: the child continues until it is met'),
  }),
  run: start,
  reattach: start,
});

type DelegateArgs = Omit<ChildTask, 'goal'> & { readonly wait: boolean; readonly goal?: GoalArgs | undefined };
interface GoalArgs {
  readonly rubric?: string | undefined;
  readonly checks?: readonly string[] | undefined;
  readonly revisions: number;
}

async function start(ctx: ToolContext, { wait, goal: requested, ...task }: DelegateArgs): Promise<ToolResult> {
  if (!ctx.children) return noChildren;
  const [, callId = ''] = ctx.operationId.split('.');
  const goal = requested && Goal.safeParse(goalOf(requested));
  if (goal?.error) return { ok: false, reason: 'bad_arguments', output: 'The goal needs a rubric or a check.' };
  const id = await ctx.children.start(callId, { ...task, goal: goal?.data }, ctx.signal);
  await ctx.onChild?.(id);
  if (!wait) return { ok: true, output: `Started child ${id}.` };
  return toToolResult(await ctx.children.look(id, true, ctx.signal));
}

const goalOf = ({ rubric, checks = [], revisions }: GoalArgs) => ({
  ...(rubric !== undefined && { rubric }),
  checks: checks.map((command) => ({ command })),
  maxRevisions: revisions,
});

const delegateCheck = defineTool({
  ...shared,
  name: 'delegate_check',
  label: 'Check sub-agent',
  description:
    'See what a child has done: its last message, its changes and its cost. Without an id: all of your children.',
  parameters: z.object({
    child: child.optional(),
    wait: z.boolean().default(false).describe('true: first wait until it has ended or has a question'),
  }),
  run: check,
  reattach: check,
});

async function check(
  ctx: ToolContext,
  { child: id, wait }: { child?: string | undefined; wait: boolean },
): Promise<ToolResult> {
  if (!ctx.children) return noChildren;
  if (id !== undefined) return toToolResult(await ctx.children.look(id, wait, ctx.signal));
  const { children, signal } = ctx;
  const all = await Promise.all((await children.list()).map((one) => children.look(one, false, signal)));
  const lines = all.map(({ id: one, state, title }) => `${one}  ${state}  ${title}`);
  return { ok: true, output: lines.join('\n') || 'You have no children.' };
}

const delegateSend = defineTool({
  ...shared,
  name: 'delegate_send',
  label: 'Message sub-agent',
  description:
    'Answer the question of a child, steer it while it works, or ask it something after its end. delegate_check shows its reply.',
  parameters: z.object({ child, text: z.string().trim().min(1).max(50_000) }),
  async run(ctx, { child: id, text }) {
    if (!ctx.children) return noChildren;
    await ctx.children.send(id, text);
    return { ok: true, output: `Sent to child ${id}.` };
  },
});

const delegateStop = defineTool({
  ...shared,
  name: 'delegate_stop',
  label: 'Stop sub-agent',
  description: 'Stop a child, with everything that it started.',
  parameters: z.object({ child }),
  async run(ctx, { child: id }) {
    if (!ctx.children) return noChildren;
    await ctx.children.stop(id);
    return toToolResult(await ctx.children.look(id, false, ctx.signal));
  },
});

const delegateTake = defineTool({
  ...shared,
  name: 'delegate_take',
  label: 'Copy files',
  description: 'Copy files that a child has changed over those of your workspace. Without paths: all that it changed.',
  parameters: z.object({ child, paths: z.array(z.string().min(1).max(4_096)).max(500).default([]) }),
  async run(ctx, { child: id, paths }) {
    if (!ctx.children) return noChildren;
    const taken = await ctx.children.take(id, paths, ctx.signal);
    return { ok: true, output: truncateOutput(taken.join('\n') || 'It has changed no file.') };
  },
});

const others = [delegateCheck, delegateSend, delegateStop, delegateTake];
export const delegateTools = [delegate, ...others];

export function createDelegateTools(agents: readonly Pick<SubAgent, 'name' | 'description'>[]): readonly Tool[] {
  const names = agents.map(({ name }) => name);
  const lines = agents.map(({ name, description }) => `- ${name}${description === '' ? '' : `: ${description}`}`);
  const delegateTo = defineTool({
    ...described,
    description:
      `${seesNothing} It works on a copy of your files; copy what it has changed by delegate_take. The agents are:\n` +
      lines.join('\n'),
    parameters: z.object({ agent: z.enum(names).describe('the agent that does the work'), ...work }),
    run: start,
    reattach: start,
  });
  return [delegateTo, ...others];
}

const noChildren: ToolResult = { ok: false, reason: 'refused', output: 'This agent cannot delegate.' };
const maxChanges = 100;

function toToolResult(state: ChildState): ToolResult {
  const { id, turns, tokens, cost, changes, question, lastWords } = state;
  const price = cost > 0 ? `, cost ${cost.toFixed(4)}` : '';
  const more = changes.length > maxChanges ? [`and ${changes.length - maxChanges} more`] : [];
  const files = changes.length === 0 ? [] : ['Changed files:', ...changes.slice(0, maxChanges), ...more];
  const lines = [
    `The child ${id}: ${state.state}, ${turns} ${turns === 1 ? 'turn' : 'turns'}, ${tokens} tokens${price}.`,
    ...(question === undefined ? [] : [`It asks: ${question}`]),
    ...files,
    ...(lastWords === '' ? [] : ['Its last words:', lastWords]),
  ];
  return { ok: true, output: truncateOutput(lines.join('\n')) };
}
