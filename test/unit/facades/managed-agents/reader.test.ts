import { expect, test } from 'vitest';
import type { SessionEvent } from '../../../../src/core/model/events.ts';
import type { SessionId } from '../../../../src/core/model/ids.ts';
import type { SessionRecord } from '../../../../src/core/model/records.ts';
import { SessionReader } from '../../../../src/facades/compat/managed-agents/sessions/reader.ts';
import type { Services } from '../../../../src/sessions/api/services.ts';

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
  const page = async (_: SessionId, after: number) => ({ events: facts.slice(after), head: facts.length });
  const sessions = { page, get: async () => now } as unknown as Services['sessions'];
  const reader = new SessionReader();
  await reader.state(now, sessions);
  now = { ...now, agent: { ...own, clientTools: [tool] } };
  const asked = { callId: 'c1', function: 'get_weather', args: {}, expiresAt: 1 };
  facts = [
    { type: 'session.updated', data: { agent: true } },
    { type: 'approval.requested', data: asked },
  ].map((fact, n) => ({ ...fact, runId: null, sessionId: id, seq: n + 1, ts: n }) as SessionEvent);
  const [waiting = ''] = (await reader.state(now, sessions)).pending;
  expect((await reader.state(now, sessions)).callOf(waiting)?.kind).toBe('custom');
});

test('requests for the state of a session at the same time read only what is new in its log', async () => {
  const asked: number[] = [];
  let head = 2;
  const page = async (_: SessionId, after: number) => {
    asked.push(after);
    await new Promise(setImmediate);
    return { events: log.slice(after, head), head };
  };
  const sessions = { page } as unknown as Services['sessions'];
  const reader = new SessionReader();
  expect((await reader.state(record, sessions)).status).toBe('running');
  head = 3;
  const [one, other] = await Promise.all([reader.state(record, sessions), reader.state(record, sessions)]);
  expect([one.status, other.status, one.seqOf(id)]).toEqual(['idle', 'idle', 3]);
  expect(asked).toEqual([0, 2, 2]);
});
