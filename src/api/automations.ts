import { z } from 'zod';
import { defineOperations, router } from './procedure/procedure.ts';
import { awaitOkResult, IsoTime, okOperationFields, omitUndefined } from './procedure/schemas.ts';
import * as view from './views/automations.ts';

const byId = z.strictObject({ id: view.AutomationId });
const Times = z.object({ times: z.array(IsoTime).readonly() });
const example: z.output<typeof view.Automation> = {
  id: '0123456789ab',
  version: 1,
  name: 'Morning report',
  kind: 'run',
  message: 'Look at the open issues, and write a summary.',
  goal: { rubric: 'Each open issue has a line.', checks: [], maxRevisions: 3 },
  repositories: [],
  projectId: null,
  template: null,
  model: null,
  skills: [],
  schedule: { cron: '0 9 * * 1-5', timezone: 'Europe/Berlin', jitterSeconds: 0, missed: 'latest' },
  hook: null,
  after: null,
  budget: null,
  whileRunning: 'skip',
  maxRunning: 1,
  maxFailures: 5,
  shared: false,
  paused: null,
  failures: 0,
  nextAt: '2026-11-25T08:00:00.000Z',
  createdAt: '2026-11-24T12:00:00.000Z',
  updatedAt: '2026-11-24T12:00:00.000Z',
};
const exampleStart: z.output<typeof view.AutomationStart> = {
  id: '0123456789ab:1764057600000',
  version: 1,
  kind: 'run',
  cause: { kind: 'schedule', dueAt: '2026-11-25T08:00:00.000Z' },
  at: '2026-11-25T08:00:00.400Z',
  state: 'running',
  sessionId: '0123456789abcdef',
  text: '',
  outcome: null,
  endedAt: null,
  cost: null,
};
const { name, message, schedule } = example;

const startColumns = ['{at}', '{cause.kind}', '{state}', '{outcome.status}', '{sessionId}', '{text}'];
const operation = defineOperations({
  tag: 'Automations',
  prefix: 'automations',
  command: {
    name: 'automation',
    about: 'starts agents automatically: creates, lists, starts, pauses and removes automations',
    examples: [
      'corral automation create report -m "Summarize the open issues" --cron "0 9 * * 1-5" --timezone Europe/Berlin',
      'corral automation create fix -m "Fix the issue" --hook github --events issue.labelled --label agent',
      'corral automation ls',
      'corral automation start report',
      'corral automation starts report',
    ],
    columns: [
      '{id}',
      '{name}',
      'paused: {paused.text} | next {nextAt} UTC | deliveries of {hook.source} to {hook.path} | after the {after.of} {after.id} | by hand',
    ],
    hasNames: true,
  },
});
const base = '/api/v1/automations';
const one = { in: byId, out: view.Automation, answer: example };

export const automationsRouter = router({
  list: operation({
    rest: `GET ${base}`,
    summary: 'List your automations and those that are shared, the newest first',
    verb: { name: 'ls' },
    may: 'any',
    out: view.Automation.array(),
    answer: [example],
  }).query(async ({ ctx }) => (await ctx.services.automations.list()).map(view.toAutomationView)),
  create: operation({
    ...one,
    rest: `POST ${base}`,
    summary: 'Make an automation',
    verb: {
      name: 'create',
      words: ['name'],
      options: {
        '-m, --message <text>': 'message',
        '--cron <fields>': 'schedule.cron',
        '--hook <source>': 'hook.source',
        '--events <list>': 'hook.events',
        '--label <name>': 'hook.label',
        '--account <name>': 'hook.account',
        '--senders <list>': 'hook.senders',
        '--repositories <list>': 'hook.repositories',
        '--show <template>': 'hook.template',
        '--outcome <end>': 'after.outcome',
        '--token-budget <n>': 'budget.tokens',
        '--cost-budget <n>': 'budget.cost',
        '--tool-call-budget <n>': 'budget.toolCalls',
        '--template <name>': 'template',
        '--model <model>': 'model',
        '--while-running <rule>': 'whileRunning',
      },
    },
    description: 'With a schedule it starts at the next scheduled time; without one, when somebody starts it.',
    may: 'create',
    in: view.NewAutomation,
    example: { name, message, schedule },
    fails: [400, 403, 404, 422, 429],
  }).mutation(async ({ ctx, input }) => view.toAutomationView(await ctx.services.automations.create(input))),
  times: operation({
    rest: `GET ${base}/times`,
    summary: 'The next five times of a schedule',
    may: 'any',
    in: view.CronInput,
    out: Times,
    answer: { times: ['2026-11-25T08:00:00.000Z'] },
    fails: [400, 422],
  }).query(async ({ ctx, input }) => ({ times: await ctx.services.automations.times(input, 5) })),
  get: operation({
    ...one,
    rest: `GET ${base}/:id`,
    summary: 'Get an automation',
    may: 'see',
  }).query(async ({ ctx, input }) => view.toAutomationView(await ctx.services.automations.get(input.id))),
  update: operation({
    ...one,
    rest: `PATCH ${base}/:id`,
    id: 'Change',
    summary: 'Change some fields; the changes apply from the next start',
    may: 'work',
    in: view.AutomationChange.extend(byId.shape),
    example: { maxRunning: 2, version: 1 },
    fails: [400, 403, 404, 409, 422],
  }).mutation(async ({ ctx, input: { id, ...change } }) =>
    view.toAutomationView(await ctx.services.automations.update(id, omitUndefined(change))),
  ),
  delete: operation({
    rest: `DELETE ${base}/:id`,
    summary: 'Delete an automation; its sessions are kept',
    verb: { name: 'delete' },
    may: 'stop',
    in: byId,
    ...okOperationFields,
  }).mutation(({ ctx, input }) => awaitOkResult(ctx.services.automations.delete(input.id))),
  pause: operation({
    ...one,
    rest: `POST ${base}/:id/pause`,
    summary: 'Pause its schedule; running sessions continue',
    verb: { name: 'pause' },
    may: 'stop',
  }).mutation(async ({ ctx, input }) => view.toAutomationView(await ctx.services.automations.pause(input.id))),
  resume: operation({
    ...one,
    rest: `POST ${base}/:id/resume`,
    summary: 'Resume its schedule, from now on',
    verb: { name: 'resume' },
    may: 'work',
  }).mutation(async ({ ctx, input }) => view.toAutomationView(await ctx.services.automations.resume(input.id))),
  rotateSecret: operation({
    rest: `POST ${base}/:id/secret`,
    summary: 'Create a new secret for its deliveries, which is shown only once',
    verb: {
      name: 'secret',
      columns: ['{path}', '{secret}'],
      note: 'The path of its address on the server, and the secret of its deliveries, which is shown only once.',
    },
    may: 'work',
    in: byId,
    out: view.HookSecret,
    answer: { secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', path: view.hookPath(example.id) },
    fails: [403, 404, 409],
  }).mutation(async ({ ctx, input: { id } }) => ({
    ...(await ctx.services.automations.rotateSecret(id)),
    path: view.hookPath(id),
  })),
  start: operation({
    rest: `POST ${base}/:id/starts`,
    summary: 'Start it now, even if it is paused',
    verb: { name: 'start', columns: startColumns, note: 'It is starting. See: corral automation starts' },
    may: 'work',
    in: byId,
    out: view.AutomationStart,
    answer: exampleStart,
    fails: [403, 404, 429],
  }).mutation(async ({ ctx, input }) => await ctx.services.automations.start(input.id, null)),
  starts: operation({
    rest: `GET ${base}/:id/starts`,
    summary: 'The history of its starts, the newest first',
    verb: { name: 'starts', columns: startColumns },
    may: 'read',
    in: view.AutomationStartsInput.extend(byId.shape),
    out: view.AutomationStart.array().readonly(),
    answer: [exampleStart],
    fails: [404, 422],
  }).query(
    async ({ ctx, input: { id, ...query } }) =>
      await ctx.services.automations.starts(id, view.toAutomationStartsQuery(query)),
  ),
});
