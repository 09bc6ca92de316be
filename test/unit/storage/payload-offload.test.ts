import { expect, test, vi } from 'vitest';
import type { AppendRequest, Store } from '../../../src/core/contracts/ports.ts';
import { armFailpoints } from '../../../src/core/errors/failpoint.ts';
import type { SessionFact } from '../../../src/core/model/events.ts';
import { readEventsFrom } from '../../../src/sessions/engine/run-fold.ts';
import { createInMemoryStore } from '../../../src/storage/memory/store.ts';
import { withPayloadOffload } from '../../../src/storage/payload-offload/payload-offload.ts';
import { memoryBlobs } from '../../support/stores/memory-blobs.ts';
import { calledFact, newSession } from '../../support/stores/store.ts';

const MiB = 1024 * 1024;
const never = new AbortController().signal;

function bench(blobs = memoryBlobs()) {
  const rows: string[] = [];
  const bare = createInMemoryStore();
  const insert = async (entry: AppendRequest) => {
    rows.push(...entry.facts.map((fact) => JSON.stringify(fact)));
    return await bare.events.append(entry);
  };
  let [ids, now] = [0, 1_000];
  const { store, collect } = withPayloadOffload({
    store: { ...bare, events: { ...bare.events, append: insert, page: (...args) => bare.events.page(...args) } },
    blobs,
    newId: () => `${++ids}`,
    now: () => now,
  });
  const later = (ms: number) => {
    now += ms;
  };
  const id = newSession();
  const append = (facts: readonly SessionFact[], after = 0) =>
    store.events.append({ sessionId: id, after, at: 1, facts });
  return { store, bare, blobs, rows, collect, later, id, append };
}
const eventsOf = (store: Store, id: ReturnType<typeof newSession>) =>
  Array.fromAsync(readEventsFrom(store.events, id, 1));

test('F068 each event in the log is at most 256 KiB, and a larger one reads back whole', {
  tags: ['all'],
}, async () => {
  const { store, rows, blobs, id, append } = bench();
  const facts = [
    calledFact({ output: 'x'.repeat(20 * MiB) }),
    calledFact({ args: { file: 'a', content: '😀\n'.repeat(100_000) } }),
    calledFact({
      content: { console: Array.from({ length: 20_000 }, (_, n) => ({ ps1: '$', command: `${n}`, output: '-' })) },
    }),
    calledFact({ output: `\ud800${'\u0000'.repeat(60_000)}` }),
    calledFact({ output: 'y'.repeat(200_000) }),
  ];
  await append(facts);
  for (const row of rows) expect(Buffer.byteLength(row)).toBeLessThan(256 * 1024);
  expect(blobs.kept.size).toBe(4);
  expect(await eventsOf(store, id)).toEqual(facts.map((fact, n) => ({ ...fact, seq: n + 1, sessionId: id, ts: 1 })));
});

test('a clean-up looks once at each large fact, and again when its log was cut', async () => {
  const { store, bare, blobs, collect, later, id, append } = bench();
  const facts = Array.from({ length: 3 }, (_, n) => calledFact({ output: `${n}`.repeat(MiB) }));
  await append(facts);
  later(1_000);
  const pages = vi.spyOn(bare.events, 'page');
  expect(await collect(1_500, never)).toBe(0);
  expect(pages).toHaveBeenCalledTimes(3);
  expect(await collect(1_500, never)).toBe(0);
  expect(pages).toHaveBeenCalledTimes(3);
  await store.events.compact(id, { keepDroppable: 1, keepAll: 1 });
  expect([await collect(1_500, never), blobs.kept.size]).toEqual([2, 1]);
});

test('F068 a page of large events ends early instead of holding them all, and nothing is left out', async () => {
  const { store, id, append } = bench();
  const facts = Array.from({ length: 6 }, (_, n) => calledFact({ output: `${n}`.repeat(2 * MiB) }));
  await append(facts);
  const sizes: number[] = [];
  for (let after = 0; after < 6; ) {
    const { events } = await store.events.page(id, after, 100);
    sizes.push(events.length);
    after = events.at(-1)?.seq ?? 6;
  }
  expect(sizes.reduce((sum, size) => sum + size)).toBe(6);
  expect(Math.max(...sizes)).toBeLessThanOrEqual(2);
});

test.each([
  ['is gone', (kept: Map<string, Buffer>, key: string) => void kept.delete(key)],
  ['was changed', (kept: Map<string, Buffer>, key: string) => void kept.set(key, Buffer.from('{"output":"forged"}'))],
  ['is cut', (kept: Map<string, Buffer>, key: string) => void kept.set(key, (kept.get(key) as Buffer).subarray(0, 99))],
])('F074 an event whose blob %s is readable and reports blob_missing, its neighbours are whole', async (_, spoil) => {
  const { store, blobs, id, append } = bench();
  const output = `begin${'x'.repeat(300_000)}end`;
  const facts = [calledFact({ output }), calledFact({ output: 'small' }), calledFact({ output: `z${output}` })];
  await append(facts);
  spoil(blobs.kept, [...blobs.kept.keys()][0] as string);
  const [first, second, third] = await eventsOf(store, id);
  expect(first).toMatchObject({ seq: 1, problem: 'blob_missing', type: 'tool.called' });
  const text = (first as ReturnType<typeof calledFact>).data.output;
  expect(text).toMatch(/^beginx+\n\[… 296008 characters cannot be read any more: blob_missing …\]\nx+end$/);
  expect(second).toMatchObject({ seq: 2, data: { output: 'small' } });
  expect(third).toMatchObject({ seq: 3, data: { output: `z${output}` } });
});

test('an append that is tried again is the same one: no second blob, and the store knows it again', async () => {
  const { store, blobs, bare } = bench();
  const entries: AppendRequest[] = [];
  let fails = 1;
  const again = withPayloadOffload({
    blobs,
    newId: () => `${blobs.kept.size}`,
    now: () => 1,
    store: {
      ...bare,
      events: {
        ...bare.events,
        append: async (entry) => {
          entries.push(entry);
          if (fails-- > 0) throw new Error('busy');
          return await bare.events.append(entry);
        },
      },
    },
  });
  const entry = { sessionId: newSession(), after: 0, at: 1, facts: [calledFact({ output: 'x'.repeat(MiB) })] };
  await expect(again.store.events.append(entry)).rejects.toThrow('busy');
  expect(await again.store.events.append(entry)).toBe(1);
  expect(entries[0]).toBe(entries[1]);
  expect(blobs.kept.size).toBe(1);
  expect(await eventsOf(store, entry.sessionId)).toHaveLength(1);
});

test('a blob whose append never came is collected once it is old; one that is referred to stays', async () => {
  const { store, blobs, collect, later, id, append } = bench();
  const facts = [calledFact({ output: 'x'.repeat(MiB) })];
  await append(facts);
  {
    using _died = armFailpoints('large.put.after=throw', { exit: () => {} });
    await expect(append([...facts], 1)).rejects.toThrow('failpoint');
  }
  expect([blobs.kept.size, await collect(1_000, never)]).toEqual([2, 0]);
  later(5_000);
  await append([calledFact({ output: 'y'.repeat(MiB) })], 1);
  expect([await collect(2_000, never), blobs.kept.size]).toEqual([1, 2]);
  expect((await eventsOf(store, id)).map((event) => event.problem)).toEqual([undefined, undefined]);
  expect(await collect(10_000, never)).toBe(0);
});

test('two that collect at once remove no more than one would, and break nothing', async () => {
  const { store, blobs, collect, id, append } = bench();
  for (let n = 0; n < 10; n++) await append([calledFact({ output: `${n}`.repeat(MiB) })], n);
  await store.events.compact(id, { keepDroppable: 1, keepAll: 4 });
  await Promise.all([collect(9_999, never), collect(9_999, never)]);
  expect(blobs.kept.size).toBe(4);
  expect((await eventsOf(store, id)).map(({ seq, problem }) => [seq, problem])).toEqual(
    [7, 8, 9, 10].map((seq) => [seq, undefined]),
  );
});

test('erasing a session removes its blobs and no others', async () => {
  const { store, blobs, bare } = bench();
  const [id, other] = [newSession(), newSession()];
  for (const sessionId of [id, other])
    await store.events.append({ sessionId, after: 0, at: 1, facts: [calledFact({ output: 'x'.repeat(MiB) })] });
  await store.events.erase(id);
  expect([...blobs.kept.keys()]).toEqual([expect.stringContaining(other)]);
  expect(await bare.records.count('large')).toBe(1);
});
