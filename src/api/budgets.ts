import { z } from 'zod';
import { type BudgetLimit, budgetLimits, mapBudgetLimits } from '../core/model/runs/budget-limits.ts';
import { budgetHolderKinds, LimitUsage } from '../sessions/api/server/budgets.ts';
import { defineOperations, router } from './procedure/procedure.ts';

const BudgetHolder = z.strictObject({
  of: z.enum(budgetHolderKinds),
  /** Empty for the server, or for sessions without an owner. */
  id: z.string().max(100).default(''),
});
/** `unlimited` overrides a limit in the settings. Null selects the limit in the settings. */
const ownTokens = z.union([z.int().nonnegative().max(1e15), z.literal('unlimited')]).nullable();
const ownCalls = z.union([z.int().nonnegative().max(1e12), z.literal('unlimited')]).nullable();
const ownBytes = ownTokens;
const ownCost = z.union([z.number().nonnegative().max(1e9), z.literal('unlimited')]).nullable();
const limit = 'number, unlimited or default';
const BudgetChange = BudgetHolder.extend({
  tokensPerDay: ownTokens.optional().describe(limit),
  costPerDay: ownCost.optional().describe(`${limit}, in the currency of the price list`),
  toolCallsPerDay: ownCalls.optional().describe(limit),
  tokensPerMonth: ownTokens.optional().describe(limit),
  costPerMonth: ownCost.optional().describe(`${limit}, in the currency of the price list`),
  toolCallsPerMonth: ownCalls.optional().describe(limit),
  sessions: ownCalls.optional().describe(limit),
  runningRuns: ownCalls.optional().describe(limit),
  cpus: ownCost.optional().describe(limit),
  memoryBytes: ownBytes.optional().describe(limit),
  diskBytes: ownBytes.optional().describe(limit),
  snapshots: ownCalls.optional().describe(limit),
});
const SharedBudget = z.object({
  of: z.enum(budgetHolderKinds),
  id: z.string(),
  name: z.string(),
  ...mapBudgetLimits(() => LimitUsage),
});

const none = { limit: null, own: null, used: 0, reserved: 0 };
const example: z.output<typeof SharedBudget> = {
  of: 'person',
  id: '0123456789ab',
  name: 'Ada',
  tokensPerDay: { limit: 2_000_000, own: 2_000_000, used: 412_000, reserved: 36_000 },
  costPerDay: { ...none, used: 0.8 },
  toolCallsPerDay: { limit: 500, own: null, used: 61, reserved: 0 },
  tokensPerMonth: { ...none, used: 5_120_000, reserved: 36_000 },
  costPerMonth: { limit: 100, own: null, used: 11.4, reserved: 0.1 },
  toolCallsPerMonth: { ...none, used: 61 },
  sessions: { limit: 100, own: null, used: 12, reserved: 0 },
  runningRuns: { limit: 4, own: 4, used: 1, reserved: 0 },
  cpus: { ...none, used: 2 },
  memoryBytes: { ...none, used: 2_147_483_648 },
  diskBytes: { limit: 53_687_091_200, own: null, used: 4_294_967_296, reserved: 0 },
  snapshots: { limit: 200, own: null, used: 3, reserved: 0 },
};

const formatColumn = (limit: BudgetLimit) => {
  const words = limit
    .replace(/Per([A-Z])/, '/$1')
    .replaceAll(/(?<=[a-z])[A-Z]/g, ' $&')
    .toLowerCase();
  return `${words} {${limit}.used}[ (+{+${limit}.reserved} reserved)] of {${limit}.limit} | ${words} {+${limit}.used} of no limit`;
};
const operation = defineOperations({
  tag: 'Server',
  prefix: '',
  style: 'server',
  command: {
    name: 'budget',
    about: 'shows the limits of people, projects and the server, and what is used; administrators set them',
    args: [
      ['[holder]', 'person, project or server'],
      ['[id]', 'its name or id; not for the server'],
    ],
    examples: [
      'corral budget',
      'corral budget set person ada --tokens-per-day 2000000',
      'corral budget set project web --cost-per-month default',
      'corral budget set server --running-runs 64',
    ],
    columns: ['{of} {name} | {of} {id} | {of} (without a key)', ...budgetLimits.map(formatColumn)],
    hasNames: true,
  },
});

export const budgetsRouter = router({
  list: operation({
    rest: `GET /api/v1/budgets`,
    id: 'budgets',
    summary: 'The limits of people, projects and the server, and what is used',
    verb: { name: 'ls' },
    description:
      'A caller sees its own limits and those of projects that it sees; the role admin sees all. Days and months are those of the setting budget-time-zone, UTC at first.',
    may: 'any',
    out: z.array(SharedBudget),
    answer: [example],
    fails: [401],
  }).query(async ({ ctx }) => [...(await ctx.services.budgets.list())]),
  get: operation({
    id: 'budget',
    summary: 'The limits of a person, a project or the server',
    may: 'see',
    verb: { name: 'show', words: ['of', 'id'] },
    in: BudgetHolder,
    out: SharedBudget,
    answer: example,
  }).query(async ({ ctx, input }) => await ctx.services.budgets.get(input)),
  change: operation({
    rest: `PATCH /api/v1/budgets`,
    id: 'changeBudget',
    summary: 'Set the limits of a person, a project or the server',
    verb: { name: 'set', words: ['of', 'id'] },
    description:
      'For the role admin. The empty id represents sessions without an owner, and the server. An omitted limit is unchanged; `null` restores the default from the settings, and `unlimited` removes the limit. Runs that wait for capacity continue automatically.',
    may: 'admin',
    in: BudgetChange,
    out: SharedBudget,
    example: { of: 'person', id: '', tokensPerDay: 2_000_000 },
    answer: example,
    fails: [400, 401, 403, 404, 413, 422],
  }).mutation(async ({ ctx, input: { of, id, ...limits } }) => await ctx.services.budgets.change({ of, id }, limits)),
});
