import { describe, expect, test, vi } from 'vitest';
import { AppError } from '../../../../../src/core/errors/errors.ts';
import type { SessionAgent } from '../../../../../src/core/model/session-agent.ts';
import { findChangedSessionFields } from '../../../../../src/sessions/run/log/changed-fields.ts';
import {
  asks,
  assistantMessage,
  fact,
  messageId,
  openRun,
  quiet,
  runId,
  says,
  stored,
  writerBench,
} from '../../../../support/machines/session-parts.ts';

const step = fact('step', { id: '1', description: 'x', status: 'running' });
const egress = fact('egress', { host: 'h', port: 443, decision: 'refused', rule: 'none' });
const busy = new AppError('store_busy', 'The store is busy.');
const fenced = new AppError('fenced', 'Another writer has the session.');

/** A writer whose store answers only once `go` is called. */
function slowBench() {
  const held = Promise.withResolvers<void>();
  return { ...writerBench({ append: (real) => held.promise.then(real) }), go: held.resolve };
}

describe('the writer of a session', () => {
  test('keeps the order of the calls, and says where the first fact of each came to stand', async () => {
    const { writer, types } = writerBench();
    const seqs = await Promise.all([writer.write([asks('x'), step]), writer.write([step]), writer.write([egress])]);
    expect([seqs, await types()]).toEqual([
      [1, 3, 4],
      ['message.user', 'step', 'step', 'egress'],
    ]);
  });

  test('writes the first at once, and what piles up in the meantime together', async () => {
    const { writer, appends } = writerBench();
    const first = [writer.write([step]), writer.write([step])];
    await Promise.resolve();
    await Promise.resolve(); // the first append is in progress
    const then = [writer.write([step]), writer.write([step]), writer.write([step])];
    await Promise.all([...first, ...then]);
    expect(appends).toEqual([1, 4]);
  });

  test('points to the fact that was requested, not to the message that had to be completed before it', async () => {
    const { writer, types } = writerBench();
    await writer.write([says('a')]);
    expect([await writer.write([fact('title', { title: 'x' })]), await writer.write([step])]).toEqual([2, 4]);
    expect(await types()).toEqual(['message.delta', 'title', 'message.assistant', 'step']);
  });

  test('a title by a run does not replace one that a client set in the meantime', async () => {
    const { writer, types } = writerBench();
    const named = fact('title', { title: 'Mine' }, null);
    const late = fact('title', { title: 'The task' });
    const all = [writer.write([named]), writer.write([late, step]), writer.write([step])];
    expect(await Promise.all(all)).toEqual([1, 2, 3]);
    expect([await types(), writer.record.title]).toEqual([['title', 'step', 'step'], 'Mine']);
  });

  test('writes a fact that has to wait behind the message it waits for', async () => {
    const { writer, types } = writerBench();
    await writer.write([says('a')]);
    await writer.write([egress]);
    expect(await types()).toEqual(['message.delta']);
    await writer.write([assistantMessage('a')]);
    expect(await types()).toEqual(['message.delta', 'message.assistant', 'egress']);
  });

  test('stores the record with the facts that change it, and tells of each fact only then', async () => {
    const { writer, received, record, go } = slowBench();
    const written = writer.write([asks('x')]);
    await quiet();
    expect([received, writer.record.latestMessage]).toEqual([[], '']);
    go();
    await written;
    expect([received.length, writer.record.latestMessage, await record()]).toEqual([1, 'x', writer.record]);
  });

  test('counts nothing as unread while somebody watches', async () => {
    const { writer } = writerBench({ watched: true, record: stored({ unread: 3 }) });
    await writer.write([says('a'), assistantMessage('a')]);
    expect(writer.record.unread).toBe(0);
  });

  test('asks a busy store again, and acknowledges nothing before it is stored', async () => {
    let times = 0;
    const append = (real: () => Promise<number>) => (++times < 3 ? Promise.reject(busy) : real());
    const { writer, clock, types } = writerBench({ append });
    const done = vi.fn();
    const written = writer.write([step]).then(done);
    await clock.pass(50);
    expect([times, done.mock.calls]).toEqual([2, []]);
    clock.advance(200);
    await written;
    expect(await types()).toEqual(['step']);
  });

  test('gives up a store that stays busy, and refuses everything from then on', async () => {
    const { writer, clock, broken, appends } = writerBench({ append: () => Promise.reject(busy) });
    const refused = expect(writer.write([step])).rejects.toMatchObject({ code: 'store_busy' });
    await clock.pass(50 + 200 + 1_000 + 3_000);
    await refused;
    expect([appends.length, broken]).toEqual([5, [busy]]);
    await expect(writer.write([step])).rejects.toBe(busy);
    expect(appends).toHaveLength(5);
  });

  test('refuses waiting and later facts at once after another writer fences it off', async () => {
    const { writer, broken, appends } = writerBench({ append: () => Promise.reject(fenced) });
    const first = expect(writer.write([step])).rejects.toBe(fenced);
    await Promise.resolve();
    await Promise.resolve();
    const second = expect(writer.write([step])).rejects.toBe(fenced);
    await Promise.all([first, second]);
    await expect(writer.write([step])).rejects.toBe(fenced);
    expect([broken, appends]).toEqual([[fenced], [1]]);
  });

  test('refuses when the log is so slow that five thousand wait', async () => {
    const { writer, go } = slowBench();
    void writer.write([step]);
    await quiet();
    const waiting = Array.from({ length: 5_000 }, () => writer.write([step]));
    await expect(writer.write([step])).rejects.toMatchObject({ code: 'store_busy' });
    go();
    await Promise.all(waiting);
  });

  test('gives what comes of a run behind its end to the session', async () => {
    const { writer, events } = writerBench({ record: stored({ openRuns: [openRun()] }) });
    const end = fact('run.end', { status: 'completed', reason: 'completed', task: 'x' });
    await writer.write([egress, end, egress]);
    expect((await events()).map((event) => event.runId)).toEqual([runId(), runId(), null]);
  });

  test('is settled when all that was requested is durable or refused', async () => {
    const { writer, types } = writerBench();
    void writer.write([step]);
    void writer.write([asks('x', messageId(2))]);
    await writer.settled();
    expect(await types()).toEqual(['step', 'message.user']);
  });

  test('changes its record without a fact, behind what is being written', async () => {
    const { writer, record, events, go } = slowBench();
    void writer.write([asks('x')]);
    await quiet();
    const amended = writer.amend({ favorite: true });
    go();
    await amended;
    expect(await record()).toMatchObject({ favorite: true, latestMessage: 'x' });
    expect(writer.record).toEqual(await record());
    expect(await events()).toHaveLength(1);
  });

  test.each([0, 1, 2, 3, 4, 5, 6, 7, 8])(
    'a changed record survives a fact that comes %i turns later',
    async (turns) => {
      const { writer, record } = writerBench({});
      const first = writer.write([asks('x')]);
      const amended = writer.amend({ favorite: true });
      await first;
      for (let n = 0; n < turns; n++) await Promise.resolve();
      await Promise.all([writer.write([asks('y')]), amended]);
      await writer.write([asks('z')]);
      expect(await record()).toMatchObject({ favorite: true, latestMessage: 'z' });
    },
  );
});

const agent: SessionAgent = {
  ...{ name: 'Coder', instructions: null, tools: ['bash'], clientTools: [], servers: [], approvals: [] },
  kept: { archivedAt: null },
};
const now = { ...stored(), agent, metadata: { team: 'a' }, budget: { cost: 1, hard: true as const } };

test('the log tells of fields with another value alone, and of an agent only that it is another one', () => {
  const other = { agent: { ...agent, tools: ['bash', 'read'] }, metadata: {}, archived: true };
  expect(findChangedSessionFields(now, other)).toEqual({ agent: true, metadata: {}, archived: true });
  expect(findChangedSessionFields(now, { budget: {} })).toEqual({ budget: {} });
  const same = { agent: { ...agent }, metadata: { team: 'a' }, budget: { ...now.budget }, archived: false };
  expect(findChangedSessionFields(now, same)).toEqual({});
  expect(findChangedSessionFields(stored(), { metadata: {}, budget: {} })).toEqual({});
});

test('files and the words of the interface are no part of the agent, and marks of the page are not reported', () => {
  const files = [{ upload: 'u', path: 'a.txt' }];
  const change = { agent: { ...agent, files, kept: { archivedAt: 5 } }, pinned: true, unread: 0 };
  expect(findChangedSessionFields(now, change)).toEqual({});
});
