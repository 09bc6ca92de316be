import { expect, onTestFinished, test } from 'vitest';
import type { EventPage } from '../../../../src/core/contracts/ports.ts';
import { AppError } from '../../../../src/core/errors/errors.ts';
import type { SessionEvent, SessionFact } from '../../../../src/core/model/events.ts';
import type { SessionId } from '../../../../src/core/model/ids.ts';
import type { SessionRecord } from '../../../../src/core/model/records.ts';
import {
  EventListCache,
  maxEventListCacheSize,
} from '../../../../src/facades/compat/managed-agents/sessions/event-lists.ts';
import { SessionReader } from '../../../../src/facades/compat/managed-agents/sessions/reader.ts';
import type { Services } from '../../../../src/sessions/api/services.ts';
import { manualClock } from '../../../support/machines/manual-clock.ts';
import { seeded } from '../../../support/simulation/dice.ts';

const root = '0123456789abcdef' as SessionId;
const children = ['aaaaaaaaaaaaaaaa', 'bbbbbbbbbbbbbbbb'] as SessionId[];
const messageId = (n: number) => `3f0b6f0e-7c1d-4a51-9f43-${String(n).padStart(12, '0')}`;
const agentOf = (name: string, tools: readonly string[]) => ({
  name,
  instructions: null,
  tools: [],
  clientTools: tools.map((tool) => ({ name: tool, description: 'x', parameters: {} })),
  servers: [],
  approvals: [],
  kept: {},
});
interface StoredLog {
  events: SessionEvent[];
  head: number;
  thinned: number;
  trimmed: number;
  record: SessionRecord;
}

/** The logs of sessions in memory, and a record of the reads. */
function storedLogs() {
  const logs = new Map<SessionId, StoredLog>();
  const reads: (readonly [SessionId, number])[] = [];
  const logOf = (id: SessionId): StoredLog => {
    const log = logs.get(id);
    if (!log) throw new AppError('session_not_found', 'It is gone.');
    return log;
  };
  const sessions = {
    async page(id: SessionId, after: number, limit: number): Promise<EventPage> {
      const { events, head, thinned, trimmed } = logOf(id);
      reads.push([id, after]);
      return { events: events.filter(({ seq }) => seq > after).slice(0, limit), head, thinned, trimmed };
    },
    get: async (id: SessionId) => logOf(id).record,
  } as unknown as Services['sessions'];
  const create = (id: SessionId, name: string) => {
    const record = { id, template: 'default', agent: agentOf(name, ['weather']) } as unknown as SessionRecord;
    logs.set(id, { events: [], head: 0, thinned: 0, trimmed: 0, record });
  };
  const write = (id: SessionId, ts: number, fact: { readonly type: string; readonly data: object }) => {
    const log = logOf(id);
    log.head += 1;
    const event = { ...(fact as SessionFact), runId: messageId(1), seq: log.head, ts, sessionId: id };
    log.events.push(event as SessionEvent);
  };
  return { logs, logOf, sessions, reads, create, write };
}
function openLists(clock = manualClock()) {
  const closing = new AbortController();
  onTestFinished(() => closing.abort());
  return { lists: new EventListCache({ clock, closing: closing.signal }), clock };
}

/** A fact as it could be in a session's log, in any order. */
function anyFact(pick: <Value>(all: readonly Value[]) => Value, n: number) {
  const call = { callId: `c${pick([1, 2, 3])}`, function: pick(['bash', 'weather', 'mcp_x_y', 'delegate_send']) };
  const message = { messageId: messageId(pick([1, 2, 3])) };
  const withArgs = { ...call, tool: 'x', args: { child: children[0], text: pick(['a', 'b']) } };
  return pick([
    { type: 'message.user', data: { ...message, text: pick(['a', 'b']), attachments: [] } },
    { type: 'run.started', data: { task: 'a', ...message } },
    { type: 'message.delta', data: { ...message, text: 'Hel' } },
    { type: 'message.delta', data: { ...message, text: 'Hel', waits: 'budget' } },
    { type: 'message.assistant', data: { ...message, text: `Hello ${n}`, attachments: [] } },
    { type: 'usage', data: { model: 'm', inputTokens: n, outputTokens: 5, cost: 0.02 } },
    { type: 'approval.requested', data: { ...withArgs, expiresAt: 1 } },
    { type: 'approval.resolved', data: { ...call, decision: 'approved', by: 'x' } },
    { type: 'tool.calling', data: withArgs },
    { type: 'tool.called', data: { ...withArgs, success: true, output: `${n}`, content: null } },
    { type: 'run.wait', data: { question: 'May I?', reason: 'approval' } },
    { type: 'run.resumed', data: {} },
    { type: 'run.notice', data: { kind: 'waiting_provider', detail: 'It is busy.' } },
    { type: 'run.end', data: { status: 'completed', reason: 'completed', task: 'a' } },
    { type: 'run.end', data: { status: 'stopped', reason: 'stopped', task: 'a' } },
    { type: 'title', data: { title: `${n}` } },
  ]);
}

/** A hundred random steps of a session, its children and its servers; `look` is called after some of them. */
async function play(seed: number, look: (stored: ReturnType<typeof storedLogs>) => Promise<void>): Promise<void> {
  const random = seeded(seed);
  const pick = <Value>(all: readonly Value[]): Value => all[Math.floor(random() * all.length)] as Value;
  const stored = storedLogs();
  stored.create(root, 'Lead');
  let ts = 1_000;
  for (let n = 0; n < 100; n++) {
    const log = stored.logOf(pick([...stored.logs.keys()]));
    const { id } = log.record;
    ts += pick([0, 0, 1, 5]);
    const chance = random();
    const late = ts - (chance < 0.05 ? 7 : 0); // by the clock of another server
    if (chance > 0.98 && id !== root) stored.logs.delete(id);
    else if (chance > 0.96) log.thinned = log.head;
    else if (chance > 0.95) log.trimmed = Math.floor(log.head / 2);
    else if (chance > 0.92) {
      log.record = { ...log.record, agent: agentOf(`Name ${n}`, pick([[], ['bash']])) as never };
      stored.write(id, late, { type: 'session.updated', data: { agent: true } });
    } else if (chance > 0.88) {
      const child = children.find((one) => !stored.logs.has(one));
      if (child) {
        stored.create(child, 'Writer');
        if (pick([true, false])) stored.write(child, ts, anyFact(pick, n));
        stored.write(root, ts, { type: 'child.started', data: { sessionId: child, callId: 'c1', task: 'a' } });
      }
    } else stored.write(id, late, anyFact(pick, n));
    const isPiece = ({ type }: SessionEvent) => type === 'message.delta';
    log.events = log.events.filter((one) => one.seq > (isPiece(one) ? log.thinned : log.trimmed));
    if (random() < 0.4) await look(stored);
  }
}

test.each(Array.from({ length: 20 }, (_, n) => n + 1))(
  'a kept list is the one of the whole logs (seed %i)',
  async (seed) => {
    const { lists } = openLists();
    await play(seed, async ({ logOf, sessions }) => {
      const session = logOf(root).record;
      for (const thread of [root, ...children]) {
        const whole = await openLists().lists.of({ session, thread }, sessions);
        expect(await lists.of({ session, thread }, sessions)).toEqual(whole);
      }
    });
  },
);

test.each([1, 2, 3, 4, 5])('a copy of a state continues like it, apart from it (seed %i)', async (seed) => {
  const reader = new SessionReader();
  await play(seed, async ({ logOf, sessions }) => {
    const own = await reader.own(logOf(root).record, sessions);
    const [other, seq] = [own.copy(), logOf(root).head + 1];
    const facts = [
      { type: 'run.started', data: { task: 'a', messageId: messageId(7) } },
      { type: 'message.delta', data: { messageId: messageId(7), text: 'Hel' } },
      { type: 'tool.calling', data: { callId: 'c9', function: 'bash', tool: 'x', args: {} } },
      { type: 'run.end', data: { status: 'stopped', reason: 'stopped', task: 'a' } },
    ];
    const events = facts.map(
      (fact, n) => ({ ...fact, runId: messageId(1), seq: seq + n, ts: 1e6, sessionId: root }) as SessionEvent,
    );
    expect(events.map((event) => own.add(event))).toEqual(events.map((event) => other.add(event)));
    const newest = logOf(root).events.at(-1)?.seq; // a later piece may have been thinned before it was read
    expect([newest, seq - 1]).toContain((await reader.state(logOf(root).record, sessions)).seqOf(root));
  });
});

const message = { type: 'message.user', data: { messageId: messageId(1), text: 'Hi', attachments: [] } };
const started = { type: 'run.started', data: { task: 'Hi', messageId: messageId(1) } };
/** Lists over logs in which nothing is written yet. */
function bench() {
  const [{ lists, clock }, stored] = [openLists(), storedLogs()];
  const list = (id = root, sessions = stored.sessions) =>
    lists.of({ session: stored.logOf(id).record, thread: id }, sessions);
  return { ...stored, clock, list };
}

test('a page of a list that is kept reads only what is new in the log, and readers at the same time share it', async () => {
  const { create, write, reads, list } = bench();
  create(root, 'Lead');
  for (const fact of [message, started]) write(root, 1, fact);
  const [one, other] = await Promise.all([list(), list()]);
  const expected = ['user.message', 'session.status_running', 'session.thread_status_running'];
  expect(one.map(({ type }) => type)).toEqual(expected);
  expect(other).toEqual(one);
  write(root, 2, message);
  expect(await list()).toHaveLength(4);
  expect(reads.map(([, after]) => after)).toEqual([0, 2, 2]);
});

test('lists that nobody reads for ten minutes are dropped, and of too many the oldest', async () => {
  const { create, write, reads, list, clock } = bench();
  const ids = Array.from(
    { length: maxEventListCacheSize.sessions + 1 },
    (_, n) => n.toString(16).padStart(16, '0') as SessionId,
  );
  const readFrom = async (id: SessionId) => {
    await list(id);
    return reads.at(-1)?.[1];
  };
  for (const id of ids) {
    create(id, 'Coder');
    write(id, 1, message);
    expect(await readFrom(id)).toBe(0);
  }
  const [first = root, , third = root] = ids;
  expect([await readFrom(third), await readFrom(first)]).toEqual([1, 0]);
  clock.advance(600_000);
  await new Promise(setImmediate);
  expect(await readFrom(third)).toBe(0);
});

test('a list of more characters than are kept is read whole each time, and the others stay', async () => {
  const { create, write, reads, list } = bench();
  const [large = root] = children;
  for (const id of [root, large]) create(id, 'Coder');
  write(root, 1, message);
  write(large, 1, {
    type: 'message.assistant',
    data: { messageId: messageId(1), text: 'x'.repeat(maxEventListCacheSize.chars), attachments: [] },
  });
  for (const id of [root, large, large, root]) await list(id);
  expect(reads).toEqual([
    [root, 0],
    [large, 0],
    [large, 0],
    [root, 1],
  ]);
});

test('a caller that may not read the session gets no list that another caller has read', async () => {
  const { create, write, sessions, list } = bench();
  create(root, 'Lead');
  write(root, 1, message);
  await list();
  const refused = { page: () => Promise.reject(new AppError('session_not_found', 'no')) } as unknown as typeof sessions;
  await expect(list(root, refused)).rejects.toMatchObject({ code: 'session_not_found' });
});
