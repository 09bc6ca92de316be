import { expect, test } from 'vitest';
import type { EventLog } from '../../../../src/core/contracts/ports.ts';
import { AppError } from '../../../../src/core/errors/errors.ts';
import { createIdSource } from '../../../../src/core/model/ids.ts';
import { SessionHydrator } from '../../../../src/sessions/engine/hydration.ts';
import { LiveSessions } from '../../../../src/sessions/engine/live-sessions.ts';
import { createLocalOwnership } from '../../../../src/sessions/engine/ownership.ts';
import { TurnBudget } from '../../../../src/sessions/run/turn-budget.ts';
import { runTurn } from '../../../../src/sessions/run/turns/turn.ts';
import { createEventLog } from '../../../../src/storage/log/log.ts';
import { createInMemoryStore } from '../../../../src/storage/memory/store.ts';
import { scriptedModel } from '../../../support/agents/scripted.ts';
import { runPolicy, sandboxPolicy } from '../../../support/machines/machines.ts';
import { manualClock } from '../../../support/machines/manual-clock.ts';
import {
  asks,
  exampleTurn,
  fact,
  messageId,
  openRun,
  says,
  sessionId,
  stored,
} from '../../../support/machines/session-parts.ts';

const openRuns = [{ ...openRun(), task: 'x', seq: 2, startedSeq: 3 }];

/** A session in a store; `during` runs after the first read of the session. */
async function world(
  during: (log: EventLog) => Promise<unknown>,
  more: Parameters<typeof stored>[0] = {},
  pageOf: (real: EventLog) => EventLog['page'] = (real) => real.page,
) {
  const store = createInMemoryStore();
  const real = createEventLog(store.events, { maxLag: 100, pageSize: 10 });
  const doc = { ...stored(more), lastSeq: 1 };
  const puts = [{ kind: 'session', id: sessionId, doc }];
  const created = fact('session.created', { origin: 'sheikhbox', template: 'default' }, null);
  await real.append({ sessionId, after: 0, at: 1, facts: [created], puts });
  let isFirst = true;
  const readFirst = async <Value>(value: Promise<Value>): Promise<Value> => {
    const read = await value;
    if (isFirst) {
      isFirst = false;
      await during(real);
    }
    return read;
  };
  const log: EventLog = { ...real, page: (...of) => readFirst(pageOf(real)(...of)) };
  const records = { ...store.records, get: (kind: string, id: string) => readFirst(store.records.get(kind, id)) };
  const liveSessions = new LiveSessions();
  const hydration = new SessionHydrator({
    store: { ...store, records },
    log,
    liveSessions,
    ownership: createLocalOwnership(),
    remoteSandboxes: { leave: async () => {} },
    clock: manualClock(),
    ids: createIdSource(),
    watchers: { isWatched: () => false },
    onFact: () => {},
    policies: {
      run: runPolicy,
      sandbox: sandboxPolicy,
      mostIdleSeconds: ({ template }) => (template === 'patient' ? 7_200 : sandboxPolicy.idleStopMs / 1_000),
      passivateMs: 1_000,
      maxQueued: 10,
    },
    profileOf: async () => ({ plans: false }) as never,
  });
  return { log: real, hydration, liveSessions, never: new AbortController().signal };
}

test('a session whose log another owner extends during the read is fenced, not built from stale data', async () => {
  const run = fact('run.started', { task: 'x', messageId: asks('x').data.messageId });
  const { hydration, liveSessions, never } = await world((log) =>
    log.append({
      sessionId,
      after: 1,
      at: 2,
      facts: [asks('x'), run],
      puts: [{ kind: 'session', id: sessionId, doc: stored({ openRuns, lastSeq: 3 }) }],
    }),
  );
  // The session's first append records that the run continues.
  await expect(hydration.make(sessionId, never)).rejects.toMatchObject({ code: 'fenced' });
  expect(liveSessions.get(sessionId)).toBeUndefined();
});

test('a reply that a restart broke off is not written twice: the next one continues it', async () => {
  const run = fact('run.started', { task: 'x', messageId: messageId() });
  const { log, hydration, liveSessions, never } = await world(async () => {});
  await log.append({
    sessionId,
    after: 1,
    at: 2,
    facts: [asks('x'), run, says('Half of ', messageId(2)), says('it', messageId(2))],
    puts: [{ kind: 'session', id: sessionId, doc: stored({ openRuns, lastSeq: 5 }) }],
  });
  const { runs } = await hydration.make(sessionId, never);
  const { runWriter } = liveSessions.the(sessionId);
  expect([runWriter?.begun, runs[0]?.resume?.acts]).toEqual([{ text: 'Half of it' }, []]);
  const [whole] = (await log.page(sessionId, 5, 10)).events;
  expect(whole).toMatchObject({ type: 'message.assistant', data: { text: 'Half of it' } });
  if (!runWriter) throw new Error('The run goes on.');
  const model = scriptedModel([[{ type: 'text', delta: 'Half of it is enough.' }]]);
  const turn = await runTurn({ model, runWriter, budget: new TurnBudget() }, exampleTurn, never);
  await runWriter.write(...(turn.ok ? turn.facts : []));
  const reply = (await log.page(sessionId, 6, 10)).events.filter(({ type }) => type === 'message.assistant');
  expect(reply).toMatchObject([{ data: { text: ' is enough.' } }]);
  expect(model.requested[0]?.messages).toMatchObject([{ text: 'x' }, { text: 'Half of it' }]);
  expect(runWriter.transcript.messages.at(-1)).toMatchObject({ text: 'Half of it is enough.' });
});

test('an earlier life of a session writes nothing once it is made again', async () => {
  const { hydration, liveSessions, never } = await world(async () => {});
  await hydration.make(sessionId, never);
  const { writer } = liveSessions.the(sessionId);
  await hydration.make(sessionId, never);
  await expect(writer.amend({ favorite: true })).rejects.toMatchObject({ code: 'internal' });
  await liveSessions.the(sessionId).writer.amend({ pinned: true });
  expect(liveSessions.the(sessionId).writer.record).toMatchObject({ favorite: false, pinned: true });
});

test('a session that is being deleted is made although its log cannot be read, so that its sandbox goes', async () => {
  const { hydration, never } = await world(
    async () => {},
    { deleting: true, openRuns },
    (real) => async (id, after, limit) => {
      if (after < Number.MAX_SAFE_INTEGER) throw new AppError('store_corrupt', 'An event cannot be read.');
      return await real.page(id, after, limit);
    },
  );
  expect(await hydration.make(sessionId, never)).toMatchObject({ deleting: true, runs: [] });
});

const life = {
  ...{ endsAt: null, seconds: 60, onEnd: 'delete' as const, paused: null, resumes: false },
  ...{ labels: {}, env: {}, kind: 'base', privatePorts: false },
};
const { idlePauseMs, idleStopMs } = sandboxPolicy;
test.each<[string, Parameters<typeof stored>[0], pauseMs: number | undefined, stopMs: number]>([
  ['the time of the server', {}, idlePauseMs, idleStopMs],
  ['the time of its template', { template: 'patient' }, 3_600_000, 7_200_000],
  ['a shorter time of its creator', { template: 'patient', sandbox: { idleSeconds: 60 } }, 30_000, 60_000],
  ['no longer time of its creator', { sandbox: { idleSeconds: 100_000 } }, idlePauseMs, idleStopMs],
  ['no time while it has a life of its own', { life }, undefined, 2 ** 31 - 1],
])('an unused sandbox is paused and stopped after %s', async (_, record, pauseMs, stopMs) => {
  const { hydration, never } = await world(async () => {}, record);
  const { sandboxPolicy: policy } = await hydration.make(sessionId, never);
  expect([policy.idlePauseMs, policy.idleStopMs]).toEqual([pauseMs, stopMs]);
});
