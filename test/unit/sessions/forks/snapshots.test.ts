import { gzipSync } from 'node:zlib';
import { describe, expect, test, vi } from 'vitest';
import { raceAbort } from '../../../../src/core/concurrency/cancel.ts';
import type { SessionId } from '../../../../src/core/model/ids.ts';
import type { SandboxClient } from '../../../../src/sandboxes/client/client.ts';
import { CopyStore } from '../../../../src/sessions/forks/copies.ts';
import { SessionFileCopier, type SessionSnapshotPolicy } from '../../../../src/sessions/forks/snapshots.ts';
import type { WorkspaceArchiver } from '../../../../src/sessions/forks/workspace-archive.ts';
import type { LiveSession } from '../../../../src/sessions/run/live-session.ts';
import { createInMemoryStore } from '../../../../src/storage/memory/store.ts';
import { manualClock } from '../../../support/machines/manual-clock.ts';
import { fact, sessionId } from '../../../support/machines/session-parts.ts';
import { type FakeSandbox, fakeSandbox } from '../../../support/sandboxes/fake-sandbox.ts';
import { memoryBlobs } from '../../../support/stores/memory-blobs.ts';

const never = new AbortController().signal;
const end = fact('run.end', { status: 'completed', reason: 'completed', task: '' });

const filesOf = (sandbox: unknown) => (sandbox as FakeSandbox).files;
const textOf = (sandbox: unknown) => JSON.stringify([...filesOf(sandbox)].map(([name, it]) => [name, `${it}`]));
const archive: WorkspaceArchiver = {
  async measure(sandbox) {
    const bytes = [...filesOf(sandbox).values()].reduce((sum, { length }) => sum + length, 0);
    return { print: textOf(sandbox), bytes };
  },
  async *pack(sandbox) {
    yield gzipSync(textOf(sandbox));
  },
  async unpack(sandbox, { content }) {
    const text = Buffer.concat(await Array.fromAsync(content)).toString();
    for (const [name, written] of JSON.parse(text)) filesOf(sandbox).set(name, Buffer.from(written));
  },
};

function bench(policy: Partial<SessionSnapshotPolicy> = {}, own: WorkspaceArchiver = archive) {
  const store = createInMemoryStore();
  const blobs = memoryBlobs();
  const clock = manualClock(1_000);
  let n = 0;
  const warned: string[] = [];
  const newId = () => `n${++n}`;
  const snapshots = new SessionFileCopier({
    events: store.events,
    records: store.records,
    copies: new CopyStore({ records: store.records, blobs, clock, newId }),
    clock,
    archive: own,
    newId,
    policy: { keep: 3, maxBytes: 100, sessionBytes: 10_000, ...policy },
    warn: (_, text) => warned.push(text),
  });
  const sandbox = fakeSandbox();
  const live = { id: sessionId, client: sandbox as SandboxClient, isPaused: false } as LiveSession;
  const files = (text: string) => void sandbox.files.set('/workspace/a.txt', Buffer.from(text));
  return {
    ...{ store, blobs, clock, snapshots, sandbox, live, warned },
    files,
    /** A run ends, which has written this text; the next use waits for the copy. */
    async endsAt(seq: number, text?: string) {
      if (text !== undefined) files(text);
      snapshots.onFact(live, end, seq);
      await snapshots.beforeUse(live, sandbox, never);
    },
  };
}

test('the files at each end of a run are copied before the sandbox is used again, if they changed', async () => {
  const { endsAt, snapshots, blobs } = bench();
  await endsAt(10, 'one');
  await endsAt(20, 'two');
  await endsAt(30); // unchanged files are not copied again
  const [first, second, third] = await Promise.all([10, 20, 30].map((seq) => snapshots.at(sessionId, seq)));
  expect([first?.kind, second?.kind, blobs.kept.size]).toEqual(['kept', 'kept', 2]);
  expect(first).not.toEqual(second);
  expect(third).toEqual(second);
});

test('only the newest copies stay, and an older place says that its copy is gone', async () => {
  const { endsAt, snapshots, blobs } = bench({ keep: 2 });
  for (const seq of [10, 20, 30]) await endsAt(seq, `at ${seq}`);
  expect(await snapshots.at(sessionId, 10)).toEqual({ kind: 'dropped' });
  expect((await snapshots.at(sessionId, 20)).kind).toBe('kept');
  expect([...blobs.kept.keys()]).toHaveLength(2);
});

test('a workspace above the limit is not copied, and the place says so', async () => {
  const { endsAt, snapshots, blobs } = bench({ maxBytes: 5 });
  await endsAt(10, 'too long');
  expect([await snapshots.at(sessionId, 10), [...blobs.kept.keys()]]).toEqual([{ kind: 'too_large' }, []]);
});

test('a place at which nobody has looked yet is unknown, and one before the first file has none', async () => {
  const { endsAt, snapshots } = bench();
  await endsAt(10);
  expect(await snapshots.at(sessionId, 10)).toEqual({ kind: 'empty' });
  expect(await snapshots.at(sessionId, 11)).toEqual({ kind: 'unknown' });
});

test('a copy that breaks off leaves no blob, and the place says that it failed', async () => {
  const broken: WorkspaceArchiver = {
    ...archive,
    async *pack() {
      yield Buffer.from('half');
      throw new Error('tar failed');
    },
  };
  const { endsAt, snapshots, blobs, warned } = bench({}, broken);
  await endsAt(10, 'one');
  expect([await snapshots.at(sessionId, 10), [...blobs.kept.keys()]]).toEqual([{ kind: 'failed' }, []]);
  expect(warned).toHaveLength(1);
});

test('a session that is forgotten leaves no blob and no record', async () => {
  const { endsAt, snapshots, blobs, store } = bench();
  await endsAt(10, 'one');
  await snapshots.forget(sessionId);
  expect([[...blobs.kept.keys()], await store.records.belonging(sessionId)]).toEqual([[], []]);
});

test('a session that is forgotten stops its copy, and begins none that waits', async () => {
  const measure = vi.fn(archive.measure);
  const reading = Promise.withResolvers<void>();
  const endless: WorkspaceArchiver = {
    ...archive,
    measure,
    async *pack(_sandbox, _packed, signal) {
      reading.resolve();
      yield await raceAbort(new Promise<Buffer>(() => {}), signal);
    },
  };
  const { files, snapshots, blobs, store, warned, live } = bench({}, endless);
  files('one');
  for (const seq of [10, 20]) snapshots.onFact(live, end, seq);
  await reading.promise;
  await snapshots.forget(sessionId);
  expect([measure.mock.calls.length, blobs.kept.size, warned]).toEqual([1, 0, []]);
  expect(await store.records.belonging(sessionId)).toEqual([]);
});

describe('a fork', () => {
  const child = 'fedcba9876543210' as SessionId;
  /** A session that starts with another session's files, and its log entries. */
  function beginner(startsFrom: { blob: string; sha256?: string | undefined }) {
    const reports: object[] = [];
    const writer = {
      record: { startsFrom },
      amend: async (_: object, facts: object[] = []) => void reports.push(...facts),
    };
    const sandbox = fakeSandbox();
    const live = { id: child, client: sandbox as SandboxClient, writer } as unknown as LiveSession;
    return { live, sandbox, reports };
  }
  async function forked() {
    const made = bench();
    await made.endsAt(10, 'one');
    const found = await made.snapshots.at(sessionId, 10);
    if (found.kind !== 'kept') throw new Error(found.kind);
    const copy = await made.snapshots.hand(found, child, 10);
    return { ...made, found, copy };
  }

  test('begins with the files, which are read once for their hash when it starts at once', async () => {
    const { snapshots, blobs, copy } = await forked();
    const opened = vi.spyOn(blobs, 'open');
    const { live, sandbox, reports } = beginner(copy);
    await snapshots.restore(live, sandbox, never);
    expect([`${sandbox.files.get('/workspace/a.txt')}`, reports]).toEqual(['one', []]);
    expect(opened).toHaveBeenCalledTimes(1);
  });

  test('begins without the files, and says so, where its copy is found damaged at a later start', async () => {
    const { snapshots, blobs, clock, copy } = await forked();
    clock.advance(60_001);
    blobs.kept.set(copy.blob, Buffer.from('[]'));
    const { live, sandbox, reports } = beginner(copy);
    await snapshots.restore(live, sandbox, never);
    expect(sandbox.files.size).toBe(0);
    expect(reports).toMatchObject([{ type: 'sandbox.files_damaged' }]);
  });

  test('is not made of a copy that is not what was kept', async () => {
    const { snapshots, blobs, found } = await forked();
    blobs.kept.set(found.blob, Buffer.from('[]'));
    const before = blobs.kept.size;
    await expect(snapshots.hand(found, child, 10)).rejects.toMatchObject({ code: 'conflict' });
    expect(blobs.kept.size).toBe(before);
  });
});
