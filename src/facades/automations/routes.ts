import { z } from 'zod';
import {
  Automation,
  AutomationChange,
  AutomationId,
  AutomationStart,
  CronInput,
  changeOf,
  HookAnswer,
  HookSecret,
  hookPath,
  NewAutomation,
  StartsInput,
  startsQuery,
  toAutomation,
  toStart,
  toTimes,
} from '../../api/views/automations.ts';
import { detailFailures } from '../../http/errors/failure-docs.ts';
import { describing, ok } from '../../http/routes/route-docs.ts';
import type { App, FacadeRoutes } from '../../http/routes/routes.ts';
import type { AutomationService } from '../../sessions/api/server/automations.ts';

const base = '/api/v1/automations';
const about = describing({ tag: 'Automations', prefix: 'automations', failures: detailFailures });
const byId = z.object({ id: AutomationId });
const Ended = z.object({ deleted: z.literal(true) });
const Times = z.object({ times: z.array(z.iso.datetime()) });
const example: z.output<typeof Automation> = {
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
const exampleStart: z.output<typeof AutomationStart> = {
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
const exampleSecret = { secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', path: '/api/v1/hooks/0123456789ab' };
const { name, message, schedule } = example;
const one = ok(Automation, example);
const start = ok(AutomationStart, exampleStart);

/** The routes of automations, below `/api/v1/automations`. */
export function automationRoutes(service: AutomationService): FacadeRoutes {
  return {
    mount(app) {
      mountMany(app, service);
      mountOne(app, service);
      mountHook(app, service);
    },
  };
}

function mountMany(app: App, service: AutomationService): void {
  app.get(
    base,
    {
      schema: { response: { 200: ok(Automation.array(), [example]) } },
      config: { doc: about('List', 'List your automations and those that are shared, the newest first') },
    },
    async () => (await service.list()).map(toAutomation),
  );
  app.post(
    base,
    {
      schema: { body: NewAutomation, response: { 200: one } },
      config: {
        doc: about('Create', 'Make an automation', {
          description: 'With a schedule it starts at the next time; without one, when somebody starts it.',
          bodyExample: { name, message, schedule },
          fails: [400, 403, 404, 422, 429],
        }),
      },
    },
    async ({ body }) => toAutomation(await service.create(body)),
  );
  app.get(
    `${base}/times`,
    {
      schema: { querystring: CronInput, response: { 200: ok(Times, { times: ['2026-11-25T08:00:00.000Z'] }) } },
      config: { doc: about('Times', 'The next five times of a schedule', { fails: [400, 422] }) },
    },
    async ({ query }) => toTimes(await service.times(query, 5)),
  );
}

function mountOne(app: App, service: AutomationService): void {
  const url = `${base}/:id`;
  app.get(
    url,
    {
      schema: { params: byId, response: { 200: one } },
      config: { doc: about('Get', 'Get an automation', { fails: [404] }) },
    },
    async ({ params }) => toAutomation(await service.get(params.id)),
  );
  app.patch(
    url,
    {
      schema: { params: byId, body: AutomationChange, response: { 200: one } },
      config: {
        doc: about('Change', 'Change the given fields, for the next starts', {
          bodyExample: { maxRunning: 2, version: 1 },
          fails: [400, 403, 404, 409, 422],
        }),
      },
    },
    async ({ params, body }) => toAutomation(await service.update(params.id, changeOf(body))),
  );
  app.delete(
    url,
    {
      schema: { params: byId, response: { 200: ok(Ended, { deleted: true }) } },
      config: { doc: about('Delete', 'Delete an automation; its sessions stay', { fails: [403, 404] }) },
    },
    async ({ params }) => {
      await service.delete(params.id);
      return { deleted: true as const };
    },
  );
  for (const [verb, summary] of [
    ['pause', 'Let its schedule rest; sessions that work go on'],
    ['resume', 'Let its schedule count again, from now on'],
  ] as const) {
    app.post(
      `${url}/${verb}`,
      {
        schema: { params: byId, response: { 200: one } },
        config: { doc: about(verb === 'pause' ? 'Pause' : 'Resume', summary, { fails: [403, 404] }) },
      },
      async ({ params }) => toAutomation(await service[verb](params.id)),
    );
  }
  app.post(
    `${url}/secret`,
    {
      schema: { params: byId, response: { 200: ok(HookSecret, exampleSecret) } },
      config: {
        doc: about('RotateSecret', 'Make a new secret for deliveries to it, which is shown this once', {
          fails: [403, 404, 409],
        }),
      },
    },
    async ({ params: { id } }) => ({ ...(await service.rotateSecret(id)), path: hookPath(id) }),
  );
  app.post(
    `${url}/starts`,
    {
      schema: { params: byId, response: { 200: start } },
      config: { doc: about('Start', 'Start it now, also when it is paused', { fails: [403, 404, 429] }) },
    },
    async ({ params }) => toStart(await service.start(params.id, null)),
  );
  app.get(
    `${url}/starts`,
    {
      schema: {
        params: byId,
        querystring: StartsInput,
        response: { 200: ok(AutomationStart.array(), [exampleStart]) },
      },
      config: { doc: about('Starts', 'The history of its starts, the newest first', { fails: [404, 422] }) },
    },
    async ({ params, query }) => (await service.starts(params.id, startsQuery(query))).map(toStart),
  );
}

const maxDeliveryBytes = 1_048_576;

/** The addresses to which programs outside deliver. No key opens them: the signature of each delivery decides. */
function mountHook(app: App, service: AutomationService): void {
  app.post(
    '/api/v1/hooks/:id',
    {
      bodyLimit: maxDeliveryBytes,
      schema: { params: byId, response: { 200: ok(HookAnswer, { started: true, text: 'The automation starts.' }) } },
      config: {
        open: true,
        doc: about('Deliver', 'Deliver an event of GitHub, GitLab, Gitea, Forgejo or another program, signed', {
          description:
            'The signature of the delivery is its only credential. Each delivery starts the automation once.',
          fails: [400, 404, 413, 429],
        }),
      },
    },
    async ({ params, headers, rawBody = Buffer.alloc(0) }) => {
      const given = Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value[0] : value]);
      return await service.receive(params.id, { headers: Object.fromEntries(given), body: rawBody });
    },
  );
}
