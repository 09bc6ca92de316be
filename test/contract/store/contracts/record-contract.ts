import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RecordWatcher } from '../../../../src/core/contracts/changed-records.ts';
import type { RecordListOptions, Store } from '../../../../src/core/contracts/ports.ts';
import { facts, newSession } from '../../../support/stores/store.ts';

let kinds = 0;
const newKind = () => `kind${++kinds}`;

export function recordContract(store: () => Store): void {
  describe('records', () => {
    test('a record comes back as it was put, and its version counts the puts', async () => {
      const kind = newKind();
      const doc = { text: 'a\u0000\ud800', list: [1.5, null, { deep: true }] };
      expect(await store().records.put({ kind, id: 'a', doc })).toBe(1);
      expect(await store().records.get(kind, 'a')).toEqual({ id: 'a', doc, version: 1 });
      expect(await store().records.put({ kind, id: 'a', doc: 2 })).toBe(2);
      expect(await store().records.get(kind, 'a')).toEqual({ id: 'a', doc: 2, version: 2 });
      expect(await store().records.get(kind, 'b')).toBeUndefined();
      expect(await store().records.get(newKind(), 'a')).toBeUndefined();
    });

    test('a caller that changes a document later does not change the stored record', async () => {
      const kind = newKind();
      const doc = { list: [1] };
      await store().records.put({ kind, id: 'a', doc });
      doc.list.push(2);
      ((await store().records.get(kind, 'a')) as { doc: typeof doc }).doc.list.push(3);
      expect((await store().records.get(kind, 'a'))?.doc).toEqual({ list: [1] });
    });

    test('a put that expects another version is refused and changes nothing', async () => {
      const kind = newKind();
      expect(await store().records.put({ kind, id: 'a', doc: 1, expect: 0 })).toBe(1);
      for (const expected of [0, 2]) {
        const put = store().records.put({ kind, id: 'a', doc: 'wrong', expect: expected });
        await expect(put).rejects.toMatchObject({ code: 'conflict' });
      }
      expect(await store().records.put({ kind, id: 'a', doc: 2, expect: 1 })).toBe(2);
      expect(await store().records.get(kind, 'a')).toEqual({ id: 'a', doc: 2, version: 2 });
    });

    test('one of many concurrent writes that expect the same version succeeds', async () => {
      const kind = newKind();
      const tries = Array.from({ length: 10 }, (_, n) => store().records.put({ kind, id: 'a', doc: n, expect: 0 }));
      const won = (await Promise.allSettled(tries)).filter(({ status }) => status === 'fulfilled');
      expect(won).toHaveLength(1);
    });

    test('a deleted record is gone, a second delete succeeds, and the record can be created again', async () => {
      const kind = newKind();
      await store().records.put({ kind, id: 'a', doc: 1 });
      await store().records.delete(kind, 'a');
      await store().records.delete(kind, 'a');
      expect(await store().records.get(kind, 'a')).toBeUndefined();
      expect(await store().records.put({ kind, id: 'a', doc: 1, expect: 0 })).toBe(1);
    });

    test('deleting one version leaves one that was put in the meantime', async () => {
      const kind = newKind();
      await store().records.put({ kind, id: 'a', doc: 1 });
      await store().records.put({ kind, id: 'a', doc: 2 });
      await store().records.delete(kind, 'a', 1);
      expect(await store().records.get(kind, 'a')).toMatchObject({ doc: 2, version: 2 });
      await store().records.delete(kind, 'a', 2);
      expect(await store().records.get(kind, 'a')).toBeUndefined();
    });

    test('page by page, each behind the last place of the one before, a list has everything once', async () => {
      const [kind, other] = [newKind(), newKind()];
      for (let n = 0; n < 23; n++) {
        const id = `r${String((n * 7) % 23).padStart(2, '0')}`;
        await store().records.put({ kind, id, doc: n % 4, sort: n % 4 });
        await store().records.put({ kind: other, id, doc: n, sort: n % 4 });
      }
      const whole = (await store().records.list(kind)).map(({ id }) => id);
      for (const limit of [1, 4, 5, 22, 23, 50]) {
        const paged: string[] = [];
        let after: { sort: number; id: string } | undefined;
        for (;;) {
          const page = await store().records.list(kind, { limit, ...(after && { after }) });
          paged.push(...page.map(({ id }) => id));
          const last = page.at(-1);
          if (!last || page.length < limit) break;
          after = { sort: last.doc as number, id: last.id };
        }
        expect(paged).toEqual(whole);
      }
    });

    test('a list by owner, or of shared records, has those of the kind alone, in order and page by page, and so has a count', async () => {
      const { records } = store();
      const owners = [undefined, 'ann', 'bob', '', "o'neil"];
      for (let n = 0; n < 20; n++) {
        const owner = owners[n % 5];
        const doc = { n, name: `s${n}`, shared: n < 3, ...(owner !== undefined && { owner }) };
        const id = `i${String(n).padStart(2, '0')}`;
        for (const kind of ['skill', 'automation', 'other']) await records.put({ kind, id, doc, sort: n % 10 });
      }
      const numbers = async (kind: string, options: RecordListOptions) =>
        (await records.list(kind, options)).map(({ doc }) => (doc as { n: number }).n);
      for (const kind of ['skill', 'automation', 'other']) {
        expect(await numbers(kind, { owner: 'ann' })).toEqual([6, 16, 1, 11]);
        expect(await numbers(kind, { owner: 'ann', limit: 2 })).toEqual([6, 16]);
        expect(await numbers(kind, { owner: 'ann', limit: 2, after: { sort: 6, id: 'i06' } })).toEqual([16, 1]);
        expect(await numbers(kind, { owner: '' })).toEqual([8, 18, 3, 13]);
        expect(await numbers(kind, { owner: null })).toEqual([5, 15, 0, 10]);
        expect(await numbers(kind, { owner: 'nobody' })).toEqual([]);
        expect(await numbers(kind, { shared: true })).toEqual(kind === 'other' ? [] : [2, 1, 0]);
        const counts = [{}, { owner: null }, { owner: 'ann' }, { owner: 'nobody' }].map((only) =>
          records.count(kind, only),
        );
        expect(await Promise.all(counts)).toEqual([20, 4, 4, 0]);
      }
      const changed = { n: 6, name: 's6', shared: false, owner: 'bob' };
      await records.put({ kind: 'automation', id: 'i06', doc: changed, sort: 9 });
      expect(await numbers('automation', { owner: 'ann' })).toEqual([16, 1, 11]);
      expect(await numbers('automation', { owner: 'bob', limit: 1 })).toEqual([6]);
    });

    test('a list and a count by state have the records in it alone, and a record that changes its state moves', async () => {
      const { records } = store();
      const states = ['running', 'completed', 'completed', 'waiting'];
      const put = (n: number, doc: object) => records.put({ kind: 'session', id: `z${n}`, doc, sort: n });
      const count = async (state: string) => await records.count('session', { state });
      const before = await Promise.all(['running', 'completed', 'waiting', 'deleting'].map(count));
      for (const [n, status] of states.entries()) await put(n, { status, deleting: false });
      await put(3, { status: 'completed', deleting: true });
      const after = await Promise.all(['running', 'completed', 'waiting', 'deleting'].map(count));
      expect(after.map((number, n) => number - (before[n] ?? 0))).toEqual([1, 2, 0, 1]);
      const ids = (await records.list('session', { state: 'completed' })).map(({ id }) => id);
      expect(ids.filter((id) => id.startsWith('z'))).toEqual(['z2', 'z1']);
    });

    test('a list and a count by parent have its parts alone, in order, and a part that moves leaves the list', async () => {
      const { records } = store();
      const put = (n: number, projectId: string | null) => {
        const doc = { projectId, owner: `of ${n % 2}`, status: n % 4 === 0 ? 'completed' : 'waiting' };
        return records.put({ kind: 'session', id: `p${n}`, doc, sort: n });
      };
      for (const [n, project] of ['one', 'two', 'one', null, 'one'].entries()) await put(n, project);
      await put(2, 'two');
      const ids = async (options: RecordListOptions) => (await records.list('session', options)).map(({ id }) => id);
      expect(await ids({ parent: 'one' })).toEqual(['p4', 'p0']);
      expect(await ids({ parent: 'two', after: { sort: 2, id: 'p2' } })).toEqual(['p1']);
      expect(await ids({ parent: 'two', state: 'waiting', after: { sort: 3, id: 'p3' } })).toEqual(['p2', 'p1']);
      expect(await ids({ owner: 'of 0', state: 'completed' })).toEqual(['p4', 'p0']);
      const sets = [{ parent: 'one' }, { parent: 'two' }, { parent: 'none' }, { parent: 'one', state: 'waiting' }];
      expect(await Promise.all(sets.map((set) => records.count('session', set)))).toEqual([2, 2, 0, 0]);
    });

    test('a search finds sessions by their titles, whatever the case, and reads only so many hits', async () => {
      const { records } = store();
      const put = (id: string, doc: object) => records.put({ kind: 'session', id, doc });
      for (let n = 0; n < 30; n++) await put(`f${n}`, { title: `Groß ${n % 3}`, x: 'groß' });
      await put('odd', { title: '100% "sure" \\ a_b \u212aelvin \u0130' });
      await put('f1', { title: 'Groß 1', x: 'kelvin' });
      await records.put({ kind: newKind(), id: 'g', doc: { title: 'groß' } });
      const search = async (text: string, limit = 100) => (await records.searchTitles(text, limit)).length;
      expect(
        await Promise.all(
          ['GROß 1', 'groß', 'ß', '100%', '"SURE" \\', 'a_b', 'kelvin', 'i', 'a.b', 'x'].map((text) => search(text)),
        ),
      ).toEqual([10, 30, 30, 1, 1, 1, 1, 1, 0, 0]);
      expect(await search('groß', 7)).toBe(7);
    });

    test("a name that is an owner's own is taken once at a time, in the same write as its record", async () => {
      const { records } = store();
      const skill = (id: string, name: string, more: object = {}) =>
        records.put({ kind: 'skill', id, doc: { name, owner: 'eve', shared: false, ...more }, expect: 0 });
      const tries = Array.from({ length: 8 }, (_, n) => skill(`u${n}`, 'same'));
      const won = (await Promise.allSettled(tries)).flatMap(({ status }, n) => (status === 'fulfilled' ? [n] : []));
      expect(won).toHaveLength(1);
      const holder = `u${won[0]}`;
      await skill('v1', 'same', { shared: true });
      await skill('v2', 'same', { owner: 'mel' });
      await skill('v3', 'other');
      const renamed = { kind: 'skill', id: 'v3', doc: { name: 'same', owner: 'eve', shared: false }, expect: 1 };
      await expect(records.put(renamed)).rejects.toMatchObject({ code: 'conflict' });
      const input = { kind: 'skill', id: holder, doc: { name: 'same', owner: 'eve', shared: false, n: 2 }, expect: 1 };
      await records.put(input);
      await records.delete('skill', holder);
      await records.put(renamed);
      await expect(skill('v4', 'same')).rejects.toMatchObject({ code: 'conflict' });
    });

    test('a list goes by sort, the highest first, then by id, and holds one kind only', async () => {
      const entries = fc.uniqueArray(
        fc.record({ id: fc.stringMatching(/^[a-c:]{1,4}$/), sort: fc.option(fc.integer({ min: -2, max: 2 })) }),
        { selector: ({ id }) => id, maxLength: 12 },
      );
      const property = fc.asyncProperty(
        entries,
        fc.stringMatching(/^[a-c:]{0,2}$/),
        fc.integer({ min: 1, max: 12 }),
        async (all, idPrefix, limit) => {
          const [kind, other] = [newKind(), newKind()];
          for (const { id, sort } of all)
            await store().records.put({ kind, id, doc: sort, ...(sort === null ? {} : { sort }) });
          await store().records.put({ kind: other, id: 'a', doc: 1 });
          const expected = all
            .filter(({ id }) => id.startsWith(idPrefix))
            .sort((a, b) => (b.sort ?? 0) - (a.sort ?? 0) || (a.id < b.id ? -1 : 1))
            .map(({ id }) => id);
          const ids = async (options: { limit?: number }) =>
            (await store().records.list(kind, { idPrefix, ...options })).map(({ id }) => id);
          expect([await ids({}), await ids({ limit })]).toEqual([expected, expected.slice(0, limit)]);
        },
      );
      await fc.assert(property, { numRuns: 30 });
    });

    test('a follower of a kind gets what changed since its last call, and the sessions that are gone', async () => {
      const [one, two] = [newSession(), newSession()];
      const put = (id: string, doc: unknown) => store().records.put({ kind: 'session', id, doc });
      const news = new RecordWatcher(store().records, 'session');
      const next = async () => {
        const { changed, gone } = await news.next();
        const own = changed.filter(({ id }) => id === one || id === two);
        return [own.map(({ id, doc }) => [id, doc]).sort(), gone.filter((id) => id === one || id === two)];
      };
      await put(one, 1);
      expect([await next(), await next()]).toEqual([
        [[[one, 1]], []],
        [[], []],
      ]);
      const append = async (after: number, doc: number) => {
        const puts = [{ kind: 'session', id: two, doc }];
        await store().events.append({ sessionId: two, after, at: 1, facts: facts(1), puts });
      };
      await append(0, 2);
      await store().records.put({ kind: 'session', id: one, doc: 3, expect: 1 });
      const both = [[one, 3] as const, [two, 2] as const].sort();
      expect(await next()).toEqual([both, []]);
      await append(1, 4);
      await store().events.erase(one);
      expect([await next(), await next()]).toEqual([
        [[[two, 4]], [one]],
        [[], []],
      ]);
      await store().events.erase(two);
    });

    test('a store that survives its process reports the bytes on its disk', async () => {
      await store().records.put({ kind: newKind(), id: 'one', doc: 1 });
      const { durable } = store();
      expect(((await store().size?.()) ?? 0) > 0).toBe(durable);
    });

    test('the records of an append change together with its facts', async () => {
      const sessionId = newSession();
      const kind = newKind();
      const puts = [
        { kind, id: sessionId, doc: 'first', sort: 1 },
        { kind, id: `${sessionId}:2`, doc: 'second', sort: 2 },
      ];
      await store().events.append({ sessionId, after: 0, at: 1, facts: facts(1), puts });
      expect(await store().records.list(kind)).toEqual([
        { id: `${sessionId}:2`, doc: 'second', version: 1 },
        { id: sessionId, doc: 'first', version: 1 },
      ]);
      await store().events.append({ sessionId, after: 1, at: 1, facts: facts(1), puts: puts.slice(0, 1) });
      expect(await store().records.get(kind, sessionId)).toMatchObject({ version: 2 });
    });
  });
}
