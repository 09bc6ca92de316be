import { expect, test } from 'vitest';
import { type BlobReference, CopyStore } from '../../../../src/sessions/forks/copies.ts';
import { PreparedFileStore, preparedFilesIdOf } from '../../../../src/sessions/repositories/prepared-files.ts';
import { createInMemoryStore } from '../../../../src/storage/memory/store.ts';
import { manualClock } from '../../../support/machines/manual-clock.ts';
import { sessionId } from '../../../support/machines/session-parts.ts';
import { memoryBlobs } from '../../../support/stores/memory-blobs.ts';

const { signal } = new AbortController();
async function* content(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}
function bench() {
  const { records } = createInMemoryStore();
  const blobs = memoryBlobs();
  const clock = manualClock(1_000);
  const copies = new CopyStore({ records, blobs, clock, newId: () => 'n' });
  const add = (place: BlobReference) => copies.add(place, content('files'), { maxBytes: 10, signal });
  return { records, blobs, clock, copies, add };
}
const prepared = 'owner:hash';

test.each<[string, BlobReference['of'], string, (blob: string) => object]>([
  ['snapshots', 'session', sessionId, (blob) => ({ items: [{ blob }] })],
  ['workspace-manifest', 'session', sessionId, (list) => ({ list })],
  ['named-snapshot', 'named-snapshot', 'snap-a', (id) => ({ id })],
  ['prepared-files', 'prepared-files', prepared, (blob) => ({ blob })],
  ['skill-version', 'skill-version', 'skill:version', (blob) => ({ blob })],
  ['template-build-files', 'template-build-files', 'kept', () => ({ at: 1 })],
])(
  'a blob that its record of the kind %s names stays, one that a dead server left goes',
  async (kind, of, holder, doc) => {
    const { records, blobs, copies, add } = bench();
    await records.put({ kind: 'session', id: sessionId, doc: {} });
    for (const blob of ['kept', 'lost']) await add({ of, holder, blob });
    await records.put({ kind, id: holder, doc: doc('kept') });
    expect(await copies.collect(1_000)).toBe(0); // at this age it can still be in progress
    const expected = [1, 0, ['kept']];
    expect([await copies.collect(1_001), await copies.collect(1_001), [...blobs.kept.keys()]]).toEqual(expected);
    await copies.release({ of, holder, blob: 'kept' }, () => records.delete(kind, holder));
    expect([blobs.kept.size, await records.list('snapshot-blob')]).toEqual([0, []]);
  },
);

test('blobs of a session that was deleted go with their records, also those that an earlier version announced', async () => {
  const { records, blobs, copies, add } = bench();
  const place = copies.placeOf(sessionId);
  await add(place);
  await records.put({ kind: 'snapshot-blob', id: `${sessionId}:${place.blob}`, doc: { at: 5 } });
  await records.put({ kind: 'snapshots', id: sessionId, doc: { items: [{ blob: place.blob }] } });
  expect([await copies.collect(6), blobs.kept.size, await records.belonging(sessionId)]).toEqual([1, 0, []]);
});

test('prepared files whose record could not be written are removed', async () => {
  const { records, blobs, clock, copies } = bench();
  const key = { owner: 'ann', facts: ['lock'] };
  const failing: typeof records = {
    ...records,
    put: async (put) => {
      if (put.kind === 'prepared-files') throw new Error('killed');
      return await records.put(put);
    },
  };
  const archive = { pack: () => content('tar'), unpack: async () => {} };
  const deps = { keep: 1, maxBytes: 10, records: failing, copies, archive, clock, newId: () => 'one' };
  const keeping = new PreparedFileStore(deps).keep({ workdir: '/workspace' } as never, 'repo', key, signal);
  await expect(keeping).rejects.toThrow('killed');
  expect([...blobs.kept.values()].map(String)).toEqual(['tar']);
  expect([await copies.collect(1_001), blobs.kept.size]).toEqual([1, 0]);
  expect(await records.get('prepared-files', preparedFilesIdOf(key))).toBeUndefined();
});
