import { describe, expect, test } from 'vitest';
import type { Store } from '../../../../src/core/contracts/ports.ts';
import { createInMemoryStore } from '../../../../src/storage/memory/store.ts';
import { exportSessions, importSessions, scanInterruptedExport } from '../../../../src/storage/transfer.ts';
import { deltas, facts, newSession, writer } from '../../../support/stores/store.ts';

const { signal } = new AbortController();
async function* each<T>(items: readonly T[]) {
  yield* items;
}
async function all(store: Store, known?: ReadonlySet<string>): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of exportSessions(store, { signal, ...(known && { known }) })) lines.push(line);
  return lines;
}

export function transferContract(store: () => Store): void {
  describe('export and import', () => {
    /** A store with two sessions, one of them compacted. */
    async function exported() {
      const from = createInMemoryStore();
      const [one, other] = [newSession(), newSession()];
      await writer(from.events, one)([...deltas(3), ...facts(2)]);
      await from.events.compact(one, { keepDroppable: 1, keepAll: 100 });
      await writer(from.events, other)(facts(2));
      for (const [n, id] of [one, other].entries()) {
        await from.records.put({ kind: 'session', id, doc: { id, odd: '\ud800 "' }, sort: n });
        await from.records.put({ kind: 'transcript', id: `${id}:0`, doc: [1], sort: 7 });
      }
      return { from, one, other, lines: await all(from) };
    }

    test('an import restores all exported sessions, with their seqs, times, gaps, marks and records', async () => {
      const { from, one, other, lines } = await exported();
      expect(await importSessions(store(), each(lines), signal)).toEqual({ sessions: 2, skipped: 0, events: 5 });
      for (const id of [one, other]) {
        expect(await store().events.page(id, 0, 10)).toEqual(await from.events.page(id, 0, 10));
        expect(await store().records.belonging(id)).toEqual(await from.records.belonging(id));
      }
      expect(await store().events.append({ sessionId: one, after: 5, at: 1, facts: facts(1) })).toBe(6);
      expect(await store().events.findLastSeq(other, 'title')).toBe(2);
    });

    test('an import that was cut is completed by doing it again, and a third time changes nothing', async () => {
      const { lines, other } = await exported();
      const cut = lines.slice(0, -4);
      await expect(importSessions(store(), each(cut), signal)).rejects.toMatchObject({ code: 'invalid_request' });
      expect(await importSessions(store(), each(lines), signal)).toMatchObject({ sessions: 1, skipped: 1 });
      expect(await importSessions(store(), each(lines), signal)).toMatchObject({ sessions: 0, skipped: 2 });
      expect((await store().events.page(other, 0, 10)).head).toBe(2);
    });

    test('a session that is there already and went on is not overwritten', async () => {
      const { lines, other } = await exported();
      await importSessions(store(), each(lines), signal);
      await store().events.append({ sessionId: other, after: 2, at: 1, facts: facts(1) });
      await expect(importSessions(store(), each(lines), signal)).rejects.toMatchObject({ code: 'conflict' });
      expect((await store().events.page(other, 0, 10)).head).toBe(3);
    });

    test('an export that was changed on its way is refused, and its session is in no list', async () => {
      const { lines, one } = await exported();
      const changed = lines.map((line) => line.replace('"title":"t2"', '"title":"T2"'));
      const expected = { code: 'invalid_request', publicMessage: expect.stringContaining('changed in transit') };
      await expect(importSessions(store(), each(changed), signal)).rejects.toMatchObject(expected);
      expect(await store().records.get('session', one)).toBeUndefined();
    });

    test('an export that was cut continues behind its last whole session', async () => {
      const { from, lines } = await exported();
      const { known, bytes } = await scanInterruptedExport(each(lines.slice(0, -3)));
      expect(known.size).toBe(1);
      const kept = `${lines.join('\n')}\n`.slice(0, bytes).split('\n').slice(0, -1);
      expect([...kept, ...(await all(from, known))]).toEqual(lines);
    });
  });
}
