import { expect, test } from 'vitest';
import { systemClock } from '../../../src/core/contracts/clock.ts';
import type { Store } from '../../../src/core/contracts/ports.ts';
import { createIdSource } from '../../../src/core/model/ids.ts';
import { NoteStore } from '../../../src/sessions/memory/notes.ts';
import { openPair, storePairs } from '../../support/stores/store-pairs.ts';

// Servers that write the same notes at once lose no write, keep the limits, and leave no text behind, on every store.

const ada = { of: 'person', id: 'ada' } as const;
const author = { kind: 'person', id: 'ada' } as const;
const limits = { maxNoteBytes: 1_000, maxBytes: 1_000, maxVersions: 5 };

function notesOn({ records }: Store): NoteStore {
  const ids = createIdSource();
  return new NoteStore({ records, clock: systemClock, newId: () => ids.short(), limits });
}

async function work(stores: readonly [Store, Store]) {
  const [one, two] = stores.map(notesOn) as [NoteStore, NoteStore];
  const add = (notes: NoteStore, n: number) =>
    notes.write(ada, { path: 'log.md', text: (now) => `${now}${n};` }, author);
  await Promise.all(Array.from({ length: 8 }, (_, n) => add(n % 2 ? one : two, n)));
  const { text, version } = await one.read(ada, 'log.md');
  expect([text.split(';').sort().join(''), version]).toEqual(['01234567', 8]);

  const full = await Promise.allSettled(
    Array.from({ length: 4 }, (_, n) =>
      (n % 2 ? one : two).write(ada, { path: `big${n}`, text: 'x'.repeat(400) }, author),
    ),
  );
  expect(full.filter(({ status }) => status === 'fulfilled')).toHaveLength(2);
  const sizes = (await two.list(ada)).map(({ size }) => size);
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(limits.maxBytes);

  await one.redact(ada, { path: 'log.md', version: 'all' }, 'ada');
  expect(JSON.stringify(await stores[1].records.list('memory-version'))).not.toContain('1;');
  await two.forget(ada);
  expect(await stores[0].records.list('memory-version')).toEqual([]);
}

test.for(storePairs)('notes that several servers write at once, with %s', async (name, context) => {
  await using pair = await openPair(name, context, { atomicUpdates: true });
  await work(pair.stores);
});
