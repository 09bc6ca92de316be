import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Store, UsageGroupKey } from '../../../../src/core/contracts/ports.ts';
import type { SessionFact } from '../../../../src/core/model/events.ts';
import { MessageId } from '../../../../src/core/model/ids.ts';
import { deltas, facts, newSession, writer } from '../../../support/stores/store.ts';

let newYears = 0;

export function eventContract(store: () => Store, effort: number): void {
  describe('events', () => {
    const seqs = async (...page: Parameters<Store['events']['page']>) =>
      (await store().events.page(...page)).events.map(({ seq }) => seq);

    test('come back as they went in, with their seq, session and time', async () => {
      const sessionId = newSession();
      const odd: SessionFact = { type: 'title', runId: null, data: { title: '\u0000 \ud800 __proto__ 𝄞 "' } };
      expect(await store().events.append({ sessionId, after: 0, at: 7, facts: [odd, ...facts(1)] })).toBe(2);
      const { events, head } = await store().events.page(sessionId, 0, 10);
      expect([head, events[0]]).toEqual([2, { ...odd, seq: 1, sessionId, ts: 7 }]);
      expect(events[1]).toMatchObject({ seq: 2, data: { title: 't1' } });
    });

    test('however they are appended and paged, their seqs are 1, 2, 3, … and none is missing', async () => {
      const sizes = fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 10 });
      const property = fc.asyncProperty(sizes, fc.integer({ min: 1, max: 5 }), async (batches, limit) => {
        const sessionId = newSession();
        const append = writer(store().events, sessionId);
        for (const size of batches) await append(facts(size));
        const total = batches.reduce((sum, size) => sum + size);
        const got: number[] = [];
        for (
          let page = await seqs(sessionId, 0, limit);
          page.length > 0;
          page = await seqs(sessionId, got.length, limit)
        ) {
          expect(page.length).toBeLessThanOrEqual(limit);
          got.push(...page);
        }
        expect(got).toEqual(Array.from({ length: total }, (_, n) => n + 1));
      });
      await fc.assert(property, { numRuns: Math.ceil(50 * effort) });
    });

    test('an unknown session is an empty log', async () => {
      expect(await store().events.page(newSession(), 0, 5)).toEqual({ events: [], head: 0, thinned: 0, trimmed: 0 });
      expect(await store().events.findLastSeq(newSession(), 'title')).toBe(0);
    });

    test('an append that does not follow the head is fenced and leaves neither facts nor records', async () => {
      const offsets = fc.integer({ min: -3, max: 3 }).filter((offset) => offset !== 0);
      const property = fc.asyncProperty(fc.integer({ min: 1, max: 5 }), offsets, async (count, offset) => {
        const sessionId = newSession();
        await writer(store().events, sessionId)(facts(count));
        const puts = [{ kind: 'fence', id: sessionId, doc: 1 }];
        const late = store().events.append({ sessionId, after: count + offset, at: 1, facts: facts(2), puts });
        await expect(late).rejects.toMatchObject({ name: 'AppError', code: 'fenced', retryable: true });
        expect((await store().events.page(sessionId, 0, 10)).head).toBe(count);
        expect(await store().records.get('fence', sessionId)).toBeUndefined();
      });
      await fc.assert(property, { numRuns: Math.ceil(30 * effort) });
    });

    test('one of many concurrent appends after the same seq succeeds, complete', async () => {
      const sessionId = newSession();
      const tries = Array.from({ length: 20 }, (_, n) =>
        store().events.append({
          sessionId,
          after: 0,
          at: n,
          facts: facts(2),
          puts: [{ kind: 'race', id: sessionId, doc: n }],
        }),
      );
      const won = (await Promise.allSettled(tries)).flatMap(({ status }, n) => (status === 'fulfilled' ? [n] : []));
      expect(won).toHaveLength(1);
      const { events, head } = await store().events.page(sessionId, 0, 10);
      expect([head, ...events.map(({ ts }) => ts)]).toEqual([2, won[0], won[0]]);
      expect(await store().records.get('race', sessionId)).toMatchObject({ doc: won[0], version: 1 });
    });

    test('appends are done in the order of their calls', async () => {
      const sessionId = newSession();
      const requested = Array.from({ length: 50 }, (_, after) =>
        store().events.append({ sessionId, after, at: 1, facts: facts(1) }),
      );
      expect(await Promise.all(requested)).toEqual(Array.from({ length: 50 }, (_, n) => n + 1));
    });

    test('an append without facts still asks for the head and puts its records', async () => {
      const sessionId = newSession();
      await writer(store().events, sessionId)(facts(2));
      const puts = [{ kind: 'empty', id: sessionId, doc: 'put' }];
      expect(await store().events.append({ sessionId, after: 2, at: 1, facts: [], puts })).toBe(2);
      await expect(store().events.append({ sessionId, after: 1, at: 1, facts: [] })).rejects.toMatchObject({
        code: 'fenced',
      });
      expect(await store().records.get('empty', sessionId)).toMatchObject({ doc: 'put' });
    });

    test('the newest of a type is found', async () => {
      const sessionId = newSession();
      await writer(store().events, sessionId)([...facts(2), ...deltas(3), ...facts(1), ...deltas(1)]);
      expect(await store().events.findLastSeq(sessionId, 'title')).toBe(6);
      expect(await store().events.findLastSeq(sessionId, 'message.delta')).toBe(7);
      expect(await store().events.findLastSeq(sessionId, 'run.started')).toBe(0);
    });

    test('the search finds sessions by the text of their messages, whatever the case of its letters, and at most so many', async () => {
      const [one, two, none] = [newSession(), newSession(), newSession()];
      const word = `Needle ${one}`;
      const message = (text: string): SessionFact => {
        const messageId = MessageId.parse('00000000-0000-4000-8000-000000000001');
        return { type: 'message.assistant', runId: null, data: { messageId, text, attachments: [] } };
      };
      await writer(store().events, one)([...facts(1), message(`a "${word}" \\ 100% done`)]);
      await writer(store().events, two)([message(`x ${word.toLowerCase()}\nÄ`), ...deltas(1)]);
      await writer(store().events, none)([message('hay'), ...deltas(1)]);
      const found = async (text: string, limit = 100, among?: Parameters<Store['events']['search']>[2]) =>
        [...(await store().events.search(text, limit, among))].sort();
      expect([await found(word.toUpperCase()), await found(`"${word}" \\ 100%`)]).toEqual([[one, two].sort(), [one]]);
      expect([await found(`${word.toLowerCase()}\nÄ`), await found(`Needle_${one}`)]).toEqual([[two], []]);
      expect(await found(word, 1)).toHaveLength(1);
      expect([await found(word, 100, [two, none]), await found(word, 100, [])]).toEqual([[two], []]);
    });

    test('usage has one sum for each combination of its keys, without the turns that a fork has from its parent', async () => {
      const [one, fork, gone, none] = [newSession(), newSession(), newSession(), newSession()];
      // a month of its own, because the store has the usage of all sessions
      const noon = Date.UTC(2031, newYears++, 1, 12);
      const day = 86_400_000;
      const usage = (model: string, cost?: number): SessionFact => ({
        type: 'usage',
        runId: null,
        data: { model, inputTokens: 10, outputTokens: 2, cachedTokens: 4, ...(cost !== undefined && { cost }) },
      });
      const recordOf = (id: string, doc: object) => [
        { kind: 'session', id, doc: { id, owner: 'ada', projectId: 'p', title: `"${id}`, status: 'idle', ...doc } },
      ];
      const first = [...facts(1), usage('a/b', 0.5), usage('a/b', 0.25), usage('c/d')];
      await store().events.append({ sessionId: one, after: 0, at: noon, facts: first, puts: recordOf(one, {}) });
      await store().events.append({ sessionId: one, after: 4, at: noon + day, facts: [usage('a/b', 1)] });
      await store().events.append({ sessionId: one, after: 5, at: noon + 2 * day, facts: [usage('late', 1)] });
      const copied = [...facts(1), usage('a/b', 9), usage('e/f', 2)];
      for (const [sessionId, puts] of [
        [fork, recordOf(fork, { forkedFrom: { sessionId: one, seq: 2, files: 'none' }, projectId: null })],
        [gone, recordOf(gone, { deleting: true })],
        [none, []],
      ] as const)
        await store().events.append({ sessionId, after: 0, at: noon, facts: copied, puts });
      const sumsBy = async (...by: UsageGroupKey[]) =>
        (await store().events.usage(noon - day / 2, noon + day + 1, by))
          .map(({ turns, inputTokens, cachedTokens, outputTokens, cost, unpriced, ...keys }) =>
            [
              ...[keys.owner, keys.project, keys.session, keys.model, keys.day.slice(-2)],
              ...[turns, inputTokens, cachedTokens, outputTokens, cost, unpriced],
            ].join(' '),
          )
          .sort();
      expect(await sumsBy('session', 'day', 'model')).toEqual(
        [
          `  ${fork} e/f 01 1 10 4 2 2 0`,
          `  ${one} a/b 01 2 20 8 4 0.75 0`,
          `  ${one} a/b 02 1 10 4 2 1 0`,
          `  ${one} c/d 01 1 10 4 2 0 1`,
        ].sort(),
      );
      expect(await sumsBy('owner')).toEqual(['ada     5 50 20 10 3.75 1']);
      const expected = ['    01 1 10 4 2 2 0', ' p   01 3 30 12 6 0.75 1', ' p   02 1 10 4 2 1 0'];
      expect(await sumsBy('project', 'day')).toEqual(expected);
    });

    test('one call returns the heads of many sessions, 0 for the unknown and whatever compaction dropped', async () => {
      const [one, none, other] = [newSession(), newSession(), newSession()];
      await writer(store().events, one)(facts(3));
      await writer(store().events, other)([...facts(1), ...deltas(1)]);
      await store().events.compact(one, { keepDroppable: 0, keepAll: 1 });
      const heads = await store().events.heads([one, none, other]);
      expect([one, none, other].map((id) => heads.get(id))).toEqual([3, 0, 2]);
      expect((await store().events.heads([])).size).toBe(0);
    });

    test('compaction drops the oldest deltas, keeps everything else and every seq, and says how far it went', async () => {
      const sessionId = newSession();
      const append = writer(store().events, sessionId);
      await append([...deltas(2), ...facts(1), ...deltas(3), ...facts(1)]);
      await store().events.compact(sessionId, { keepDroppable: 2, keepAll: 100 });
      expect(await seqs(sessionId, 0, 10)).toEqual([3, 5, 6, 7]);
      expect(await store().events.page(sessionId, 7, 10)).toMatchObject({ head: 7, thinned: 4, trimmed: 0 });
      expect(await append(facts(1))).toBe(8);
    });

    test('compaction drops the oldest of all beyond its limit, but never the newest', async () => {
      const sessionId = newSession();
      const append = writer(store().events, sessionId);
      await append([...facts(4), ...deltas(2)]);
      await store().events.compact(sessionId, { keepDroppable: 100, keepAll: 3 });
      expect(await store().events.page(sessionId, 0, 10)).toMatchObject({ head: 6, thinned: 3, trimmed: 3 });
      expect(await seqs(sessionId, 0, 10)).toEqual([4, 5, 6]);
      await store().events.compact(sessionId, { keepDroppable: 0, keepAll: 0 });
      expect(await store().events.page(sessionId, 0, 10)).toMatchObject({ head: 6, thinned: 5, trimmed: 5 });
      expect([await seqs(sessionId, 0, 10), await append(facts(1))]).toEqual([[6], 7]);
    });

    test('compaction that has nothing to drop changes nothing', async () => {
      const sessionId = newSession();
      await writer(store().events, sessionId)([...facts(2), ...deltas(2)]);
      await store().events.compact(sessionId, { keepDroppable: 2, keepAll: 4 });
      expect(await store().events.page(sessionId, 0, 10)).toMatchObject({ head: 4, thinned: 0, trimmed: 0 });
      expect(await seqs(sessionId, 0, 10)).toEqual([1, 2, 3, 4]);
    });

    test('erasing removes the log, its marks and the records of that session, and of no other', async () => {
      const [gone, kept] = [newSession(), newSession()];
      for (const id of [gone, kept]) {
        await writer(store().events, id)([...deltas(3), ...facts(2)]);
        await store().events.compact(id, { keepDroppable: 1, keepAll: 10 });
        for (const record of [id, `${id}:a`, `${id};`, `${id}0`])
          await store().records.put({ kind: `of ${id}`, id: record, doc: 1 });
      }
      await store().events.erase(gone);
      expect(await store().events.page(gone, 0, 10)).toEqual({ events: [], head: 0, thinned: 0, trimmed: 0 });
      const left = await store().records.list(`of ${gone}`);
      expect(left.map(({ id }) => id)).toEqual([`${gone}0`, `${gone};`]);
      expect(await store().events.page(kept, 0, 10)).toMatchObject({ head: 5, thinned: 2 });
      expect(await store().records.list(`of ${kept}`)).toHaveLength(4);
      await store().events.erase(gone);
    });
  });

  test('the store answers a health check, unless its caller has gone', async () => {
    await store().check(AbortSignal.timeout(60_000));
    await expect(store().check(AbortSignal.abort())).rejects.toMatchObject({ code: 'cancelled' });
  });
}
