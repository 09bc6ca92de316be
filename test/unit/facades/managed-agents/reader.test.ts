import { expect, test } from 'vitest';
import { AppError } from '../../../../src/core/errors/errors.ts';
import type { SessionEvent } from '../../../../src/core/model/events.ts';
import type { SessionId } from '../../../../src/core/model/ids.ts';
import type { SessionRecord } from '../../../../src/core/model/records.ts';
import { EventListCache } from '../../../../src/facades/compat/managed-agents/sessions/event-lists.ts';
import { SessionReader } from '../../../../src/facades/compat/managed-agents/sessions/reader.ts';
import type { Services } from '../../../../src/sessions/api/services.ts';
import { manualClock } from '../../../support/machines/manual-clock.ts';

const id = '0123456789abcdef' as SessionId;
const runId = '3f0b6f0e-7c1d-4a51-9f43-2f6f0f1f7a10';
const messageId = '3f0b6f0e-7c1d-4a51-9f43-2f6f0f1f7a11';
const record = { id, template: 'default' } as SessionRecord;
const facts = [
  { type: 'message.user', data: { messageId, text: 'Hi', attachments: [] } },
  { type: 'run.started', data: { task: 'Hi', messageId } },
  { type: 'run.end', data: { status: 'completed', reason: 'completed', task: 'Hi' } },
];
const log = facts.map((fact, n) => ({ ...fact, runId, sessionId: id, seq: n + 1, ts: n }) as SessionEvent);

test('a reader knows the agent that a session got after it read its log', async () => {
  const tool = { name: 'get_weather', description: 'x', parameters: {} };
  const own = { name: 'Coder', instructions: null, tools: [], clientTools: [], servers: [], approvals: [], kept: {} };
  let now = { ...record, agent: own } as SessionRecord;
  let facts: SessionEvent[] = [];
  const page = async (_: SessionId, after: number) => ({
    events: facts.slice(after),
    head: facts.length,
    thinned: 0,
    trimmed: 0,
  });
  const sessions = { page, get: async () => now } as unknown as Services['sessions'];
  const reader = new SessionReader();
  await reader.state(now, sessions);
  now = { ...now, agent: { ...own, clientTools: [tool] } };
  const approval = { callId: 'c1', function: 'get_weather', args: {}, expiresAt: 1 };
  facts = [
    { type: 'session.updated', data: { agent: true } },
    { type: 'approval.requested', data: approval },
  ].map((fact, n) => ({ ...fact, runId: null, sessionId: id, seq: n + 1, ts: n }) as SessionEvent);
  const [waiting = ''] = (await reader.state(now, sessions)).pending;
  expect((await reader.state(now, sessions)).callOf(waiting)?.kind).toBe('custom');
});

test('requests for the state of a session at the same time read only what is new in its log', async () => {
  const requests: number[] = [];
  let head = 2;
  const page = async (_: SessionId, after: number) => {
    requests.push(after);
    await new Promise(setImmediate);
    return { events: log.slice(after, head), head, thinned: 0, trimmed: 0 };
  };
  const sessions = { page } as unknown as Services['sessions'];
  const reader = new SessionReader();
  expect((await reader.state(record, sessions)).status).toBe('running');
  head = 3;
  const [one, other] = await Promise.all([reader.state(record, sessions), reader.state(record, sessions)]);
  expect([[one.status, other.status, one.seqOf(id)], requests]).toEqual([
    ['idle', 'idle', 3],
    [0, 2, 2],
  ]);
});

test('a caller that cannot read a child has a state without it, and the others keep theirs', async () => {
  const child = 'aaaaaaaaaaaaaaaa' as SessionId;
  const fact = (sessionId: SessionId, seq: number, type: string, data: object) =>
    ({ type, data, runId, sessionId, seq, ts: seq }) as SessionEvent;
  const logs = new Map([
    [id, [...log.slice(0, 2), fact(id, 3, 'child.started', { sessionId: child, callId: 'c', task: 'x' })]],
    [child, [fact(child, 1, 'run.started', { task: 'x', messageId })]],
  ]);
  const readable = (mayRead: (session: SessionId) => boolean) =>
    ({
      async page(session: SessionId, after: number) {
        if (!mayRead(session)) throw new AppError('session_not_found', 'no');
        const events = logs.get(session) ?? [];
        return { events: events.slice(after), head: events.length, thinned: 0, trimmed: 0 };
      },
      async get(session: SessionId) {
        if (!mayRead(session)) throw new AppError('session_not_found', 'no');
        return { ...record, id: session };
      },
    }) as unknown as Services['sessions'];
  const [owner, other] = [readable(() => true), readable((session) => session !== child)];
  const reader = new SessionReader();
  const threadsOf = async (sessions: typeof owner) => (await reader.own(record, sessions)).threads;
  expect([await threadsOf(other), await threadsOf(owner), await threadsOf(other)]).toEqual([[id], [id, child], [id]]);
  expect(await threadsOf(owner)).toEqual([id, child]);

  const closing = new AbortController();
  const lists = new EventListCache({ clock: manualClock(), closing: closing.signal });
  const typesFor = async (sessions: typeof owner, thread: SessionId) =>
    (await lists.of({ session: record, thread }, sessions)).map(({ type }) => type);
  for (const sessions of [other, owner, other, owner])
    expect(await typesFor(sessions, child)).toEqual(sessions === owner ? ['session.thread_status_running'] : []);
  closing.abort();
});

test('a state whose log has dropped events that it has not read is read again from the beginning', async () => {
  const requests: number[] = [];
  let now = { events: log.slice(0, 2), head: 2, thinned: 0, trimmed: 0 };
  const page = async (_: SessionId, after: number) => {
    requests.push(after);
    return { ...now, events: now.events.filter(({ seq }) => seq > after) };
  };
  const sessions = { page } as unknown as Services['sessions'];
  const reader = new SessionReader();
  await reader.state(record, sessions);
  // the end of the run is missing
  now = { events: [{ ...log[0], seq: 9 } as SessionEvent], head: 9, thinned: 8, trimmed: 8 };
  expect([(await reader.state(record, sessions)).status, requests]).toEqual(['idle', [0, 2, 0]]);
});
