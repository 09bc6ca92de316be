import { expect, test } from 'vitest';
import type { SessionEvent, SessionFact } from '../../../../src/core/model/events.ts';
import type { SessionId } from '../../../../src/core/model/ids.ts';
import type { SessionRecord } from '../../../../src/core/model/records.ts';
import type { SessionAgent } from '../../../../src/core/model/session-agent.ts';
import { WorkEnqueuer } from '../../../../src/sessions/work-queue/waiting-sessions.ts';
import { manualClock } from '../../../support/machines/manual-clock.ts';

const id = '0123456789abcdef' as SessionId;
const agent = { environment: 'env_1' } as SessionAgent;
const fact = (type: string, data: object = {}) => ({ type, runId: null, data }) as unknown as SessionFact;
const responseTo = (byClient?: true) => fact('run.wait', { question: '?', ...(byClient && { byClient }) });

function waiting(log: readonly SessionFact[], record: Partial<SessionRecord> = {}, leads = true) {
  const queued: [string, SessionId][] = [];
  const session = { id, status: 'waiting', agent, ...record } as SessionRecord;
  const events = log.map((one, n) => ({ ...one, seq: n + 1 }) as unknown as SessionEvent);
  const sessions = new WorkEnqueuer({
    queue: { enqueue: async (environment, of) => void queued.push([environment, of]) },
    sessions: { list: async (query) => (query?.status === 'waiting' && query.keep(session) ? [session] : []) },
    live: () => session,
    events: {
      findLastSeq: async (_, type) => events.findLast((event) => event.type === type)?.seq ?? 0,
      page: async (_, after) => ({ events: events.slice(after), head: events.length, thinned: 0, trimmed: 0 }) as never,
    },
    leads: async () => leads,
    clock: manualClock(),
    warn: () => {},
  });
  return { sessions, queued };
}

test.each([
  ['a message', fact('message.user'), true],
  ['a call that waits for a worker', responseTo(true), true],
  ['a call that waits for a person', responseTo(), false],
  ['anything else', fact('run.started'), false],
])('after %s in its log a session of a self-hosted environment is queued, or not', (_, one, isQueued) => {
  const { sessions, queued } = waiting([]);
  sessions.onFacts(id, [one]);
  expect(queued).toEqual(isQueued ? [['env_1', id]] : []);
});

test('a session without workers is never queued', () => {
  const { sessions, queued } = waiting([], { agent: { ...agent, environment: undefined } as unknown as SessionAgent });
  sessions.onFacts(id, [fact('message.user'), responseTo(true)]);
  expect(queued).toEqual([]);
});

test.each([
  ['its last call waits for a worker', [responseTo(true)], {}, true, true],
  ['one of its calls is answered', [fact('run.wait'), fact('approval.resolved'), responseTo(true)], {}, true, true],
  ['its call waits for a person', [responseTo(true), responseTo()], {}, true, false],
  ['it works', [responseTo(true)], { status: 'running' }, true, false],
  ['another server does the round', [responseTo(true)], {}, false, false],
] as const)('a round queues a session, or not, when %s', async (_, log, record, leads, isQueued) => {
  const { sessions, queued } = waiting(log, record as Partial<SessionRecord>, leads);
  await sessions.round();
  expect(queued).toEqual(isQueued ? [['env_1', id]] : []);
});
