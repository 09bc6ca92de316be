import { z } from 'zod';
import { toSessionId } from '../../api/procedure/session-id.ts';
import {
  AttemptDiffView,
  AttemptsId,
  AttemptsInput,
  AttemptsView,
  ChooseInput,
  toAttemptsCommand,
  toAttemptsView,
} from '../../api/views/attempts.ts';
import { failuresIn } from '../../http/errors/failure-docs.ts';
import { describing } from '../../http/routes/route-docs.ts';
import type { App, FacadeRoutes } from '../../http/routes/routes.ts';
import { abortOnDisconnect } from '../../http/transport/abort-on-disconnect.ts';
import { envelopeStyle, okEnveloped, success } from '../shared/envelope.ts';
import type { FacadeParts } from '../shared/facade.ts';

type CallerServices = FacadeParts['acting'];

// The routes lie below those of a session, so they answer in the same envelope.
const base = '/api/v1/sessions/:sid/attempts';
const params = z.object({ sid: z.string().describe('the session') });
const ofOne = params.extend({ attempts: AttemptsId.describe('their id, as the start answered') });
const texts = {
  404: 'No such session, attempts or attempt',
  409: 'Not possible now: a run or other attempts are under way, or the attempt has not ended',
};
const about = describing({ tag: 'Attempts', prefix: 'attempts', failures: failuresIn({ ...envelopeStyle, texts }) });
const fails = [400, 404, 409];

const example: z.output<typeof AttemptsView> = {
  id: '0123456789ab',
  sessionId: '0123456789abcdef',
  task: 'Fix the failing test',
  goal: { checks: [{ command: 'npm test', timeoutSeconds: 600 }], maxRevisions: 3 },
  begins: 'fork',
  budget: {},
  phase: 'ended',
  isStopped: false,
  chosen: null,
  others: 'keep',
  error: null,
  createdAt: '2026-11-24T12:00:00.000Z',
  best: 1,
  attempts: [
    {
      n: 1,
      sessionId: 'fedcba9876543210',
      template: null,
      model: null,
      state: 'completed',
      error: null,
      result: {
        status: 'completed',
        goal: { result: 'satisfied', reason: 'All checks passed.', rounds: 1 },
        checks: [{ command: 'npm test', result: 'passed' }],
        score: null,
        files: 1,
        added: 3,
        removed: 1,
        unknown: null,
        turns: 4,
        tokens: 8_000,
        cost: 0.02,
      },
      turns: 4,
      tokens: 8_000,
      cost: 0.02,
      isGone: false,
    },
  ],
};

/** One task done several times, in children of a session. */
export const attemptRoutes = (acting: CallerServices): FacadeRoutes => ({
  mount(app) {
    mountReads(app, acting);
    mountWork(app, acting);
  },
});

function mountReads(app: App, acting: CallerServices): void {
  app.get(
    base,
    {
      schema: {
        params,
        response: { 200: okEnveloped(z.object({ attempts: z.array(AttemptsView) }), { attempts: [example] }) },
      },
      config: { doc: about('List', 'List the attempts of a session, the newest first', { fails: [404] }) },
    },
    async ({ params: { sid }, principal }) => {
      const all = await acting(principal).services.attempts.list(toSessionId(sid));
      return success({ attempts: all.map(toAttemptsView) });
    },
  );
  app.get(
    `${base}/:attempts`,
    {
      schema: { params: ofOne, response: { 200: okEnveloped(AttemptsView, example) } },
      config: { doc: about('Get', 'Compare the attempts at a task', { fails: [400, 404] }) },
    },
    async ({ params: { sid, attempts: id }, principal }) =>
      success(toAttemptsView(await acting(principal).services.attempts.get(toSessionId(sid), id))),
  );
  app.get(
    `${base}/:attempts/diffs/:n`,
    {
      schema: {
        params: ofOne.extend({ n: z.coerce.number().pipe(ChooseInput.shape.n) }),
        response: {
          200: okEnveloped(AttemptDiffView, { text: '--- a/sum.js\n+++ b/sum.js\n', truncated: false }),
        },
      },
      config: { doc: about('Diff', 'What an attempt that has ended changed in the files', { fails: [400, 404] }) },
    },
    async ({ params: { sid, attempts: id, n }, principal }) =>
      success(await acting(principal).services.attempts.diff(toSessionId(sid), id, n)),
  );
}

function mountWork(app: App, acting: CallerServices): void {
  app.post(
    base,
    {
      schema: { params, body: AttemptsInput, response: { 200: okEnveloped(AttemptsView, example) } },
      config: {
        doc: about('Start', 'Have one task done several times, side by side', {
          description: 'Answers before an attempt has begun. Each is a session of its own, a child of this one.',
          bodyExample: { task: example.task, attempts: 3, goal: { checks: [{ command: 'npm test' }] } },
          fails,
        }),
      },
    },
    async ({ params: { sid }, body, principal }) => {
      const { attempts } = acting(principal).services;
      return success(toAttemptsView(await attempts.start(toSessionId(sid), toAttemptsCommand(body))));
    },
  );
  app.post(
    `${base}/:attempts/choose`,
    {
      schema: { params: ofOne, body: ChooseInput, response: { 200: okEnveloped(AttemptsView, example) } },
      config: {
        doc: about('Choose', 'Give the session the files of one attempt, and end the others', {
          description: 'Answers when the session has exactly those files.',
          bodyExample: { n: 1, others: 'delete' },
          fails,
        }),
      },
    },
    async ({ params: { sid, attempts: id }, body, principal }, reply) => {
      const { attempts } = acting(principal).services;
      return success(toAttemptsView(await attempts.choose(toSessionId(sid), id, body, abortOnDisconnect(reply))));
    },
  );
  app.post(
    `${base}/:attempts/stop`,
    {
      schema: { params: ofOne, response: { 200: okEnveloped(AttemptsView, example) } },
      config: { doc: about('Stop', 'End all attempts; their sessions stay', { fails: [400, 404] }) },
    },
    async ({ params: { sid, attempts: id }, principal }) =>
      success(toAttemptsView(await acting(principal).services.attempts.stop(toSessionId(sid), id))),
  );
}
