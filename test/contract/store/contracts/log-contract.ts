import { setImmediate as breathe } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { EventLog, EventStore, Store } from '../../../../src/core/contracts/ports.ts';
import { createEventLog } from '../../../../src/storage/log/log.ts';
import {
  deltas,
  type FollowedUpdate,
  facts,
  newSession,
  oneByOne,
  seqOf,
  take,
  writer,
} from '../../../support/stores/store.ts';

const upTo = (total: number) => Array.from({ length: total }, (_, n) => n + 1);
const cursorOf = (item: FollowedUpdate | undefined) => (item?.kind === 'event' ? item.event.seq : item?.head);
const limits = { maxLag: 10, pageSize: 4, window: { events: 6, chars: 10_000 } };
const soon = () => ({ signal: AbortSignal.timeout(60_000), deltas: true });

export function logContract(store: () => Store, effort: number): void {
  describe('event log', () => {
    const open = (changed: Partial<EventStore> = {}, options = limits): EventLog =>
      createEventLog({ ...store().events, ...changed }, options);
    /** A log of a new session. */
    const begin = (options = limits) => {
      const [log, id] = [open({}, options), newSession()];
      return { log, id, append: writer(log, id) };
    };

    test('F087 a reader that disconnects at 100 random moments and resumes by its cursor sees every event once and in order', async () => {
      const { log, id, append } = begin({ ...limits, maxLag: 100_000 });
      const random = fc.sample(fc.integer({ min: 1, max: Math.ceil(20 * effort) }), { numRuns: 100, seed: 87 });
      const total = random.reduce((sum, size) => sum + size);
      const writing = (async () => {
        for (const size of [...random].reverse()) await append(size % 2 ? facts(size) : deltas(size));
      })();
      const seen: unknown[] = [];
      for (const count of random) seen.push(...(await take(log, id, seen.length, count)));
      await writing;
      expect(seen).toEqual(upTo(total));
    });

    test('readers that come and go during compaction are notified of every gap in the log', async () => {
      const steps = fc.array(
        fc.oneof(
          fc.record({ append: fc.integer({ min: 1, max: 8 }), delta: fc.boolean() }),
          fc.record({ keepDroppable: fc.integer({ min: 0, max: 5 }), keepAll: fc.integer({ min: 1, max: 20 }) }),
        ),
        { minLength: 1, maxLength: 20 },
      );
      const property = fc.asyncProperty(
        steps,
        fc.integer({ min: 0, max: 10 }),
        fc.boolean(),
        async (todo, start, owed) => {
          const [log, id, stop] = [open(), newSession(), new AbortController()];
          const append = writer(log, id);
          const items: FollowedUpdate[] = [];
          const reading = (async () => {
            for await (const item of oneByOne(log.follow(id, start, { signal: stop.signal, deltas: owed })))
              items.push(item);
          })();
          for (const step of todo) {
            if ('append' in step) await append(step.delta ? deltas(step.append) : facts(step.append));
            else await store().events.compact(id, step);
            await breathe();
          }
          let head = await append(facts(1));
          // A reader whose cursor is the head sees nothing, so one more fact follows.
          if (head === start) head = await append(facts(1));
          while (cursorOf(items.at(-1)) !== head) await breathe();
          stop.abort();
          await reading;
          let cursor = start;
          for (const item of items) {
            if (item.kind === 'event') {
              expect(item.event.seq).toBeGreaterThan(cursor);
              if (owed && cursor > 0) expect(item.event.seq).toBe(cursor + 1);
              cursor = item.event.seq;
            } else cursor = item.head;
          }
          expect(cursor).toBe(head);
        },
      );
      await fc.assert(property, { numRuns: Math.ceil(60 * effort) });
    });

    test('F088 a cursor ahead of the head is answered with a resync, and following continues behind the head', async () => {
      const { log, id, append } = begin();
      await append(facts(2));
      const reader = oneByOne(log.follow(id, 9, soon()));
      const report = { kind: 'resync', reason: 'cursor_ahead', oldest: 1, head: 2 };
      expect((await reader.next()).value).toEqual(report);
      const next = reader.next();
      await append(facts(1));
      expect([seqOf((await next).value), await take(log, newSession(), 1, 1)]).toEqual([3, ['cursor_ahead']]);
    });

    test('F088 a cursor from before what was trimmed away is too old for everybody, but cursor 0 never is', async () => {
      const { log, id, append } = begin();
      await append(facts(9));
      await store().events.compact(id, { keepDroppable: 100, keepAll: 4 });
      for (const deltas of [true, false]) {
        const reader = oneByOne(log.follow(id, 4, { ...soon(), deltas }));
        const report = { kind: 'resync', reason: 'cursor_too_old', oldest: 6, head: 9 };
        expect((await reader.next()).value).toEqual(report);
        expect(await take(log, id, 5, 4, { deltas })).toEqual([6, 7, 8, 9]);
        expect(await take(log, id, 0, 4, { deltas })).toEqual([6, 7, 8, 9]);
      }
    });

    test('F088 a cursor from before the deltas that are gone is too old only for a reader that is owed deltas', async () => {
      const { log, id, append } = begin();
      await append([...facts(2), ...deltas(4), ...facts(1)]);
      await store().events.compact(id, { keepDroppable: 1, keepAll: 100 });
      expect(await take(log, id, 2, 1, { deltas: true })).toEqual(['cursor_too_old']);
      expect(await take(log, id, 2, 2, { deltas: false })).toEqual([6, 7]);
      expect(await take(log, id, 5, 2, { deltas: true })).toEqual([6, 7]);
      expect(await take(log, id, 0, 4, { deltas: true })).toEqual([1, 2, 6, 7]);
    });

    test('a gap that compaction makes before a reader on its way is reported, though it began at 0', async () => {
      const { log, id, append } = begin();
      await append(facts(20));
      const reader = oneByOne(log.follow(id, 0, soon()));
      const got = [(await reader.next()).value];
      await store().events.compact(id, { keepDroppable: 100, keepAll: 2 });
      while (got.at(-1)?.kind === 'event') got.push((await reader.next()).value);
      expect(got.map(seqOf)).toEqual([1, 2, 3, 4, 'cursor_too_old']);
    });

    test('so is one before a reader that found the beginning in memory, once memory has let go of it', async () => {
      const { log, id, append } = begin({ ...limits, maxLag: 1_000 });
      // A second reader, for which the newest events stay in memory.
      const other = oneByOne(log.follow(id, 0, soon()));
      const awaited = other.next();
      await breathe();
      await append(facts(1));
      await awaited;
      const reader = oneByOne(log.follow(id, 0, soon()));
      expect(seqOf((await reader.next()).value)).toBe(1);
      await append(facts(30));
      await store().events.compact(id, { keepDroppable: 100, keepAll: 2 });
      expect(seqOf((await reader.next()).value)).toBe('cursor_too_old');
    });

    test('a live reader that falls too far behind must resync, and continues behind the head', async () => {
      const { log, id, append } = begin();
      await append(facts(1));
      const reader = oneByOne(log.follow(id, 0, soon()));
      expect(seqOf((await reader.next()).value)).toBe(1);
      const next = reader.next(); // the reader waits for live events now
      // The store answers in order, so it has answered the reader's reads once it answers these.
      for (let n = 0; n < 3; n++) await store().events.page(id, 1, 10);
      await breathe();
      await append(facts(1));
      expect(seqOf((await next).value)).toBe(2); // from here on the reader stops reading
      for (const _ of Array(20)) await append(facts(1));
      expect((await reader.next()).value).toEqual({ kind: 'resync', reason: 'too_slow', oldest: 1, head: 22 });
      await append(facts(1));
      expect(seqOf((await reader.next()).value)).toBe(23);
    });

    test('a reader that lags less than that gets everything, from the store where memory has let go of it', async () => {
      const { log, id, append } = begin();
      const reader = oneByOne(log.follow(id, 0, soon()));
      const next = reader.next();
      await append(facts(1));
      expect(seqOf((await next).value)).toBe(1);
      for (const _ of Array(10)) await append(facts(1));
      const got: unknown[] = [];
      while (got.length < 10) got.push(seqOf((await reader.next()).value));
      expect(got).toEqual(upTo(11).slice(1));
    });

    test('a burst while the reader waits is not held against it', async () => {
      const [log, id] = [open(), newSession()];
      const reading = take(log, id, 0, 30);
      await breathe();
      await writer(log, id)(facts(30));
      expect(await reading).toEqual(upTo(30));
    });

    test('a long history is paged, not refused', async () => {
      const { log, id, append } = begin();
      await append(facts(50));
      expect(await take(log, id, 0, 50)).toEqual(upTo(50));
    });

    test('a reader is not notified of an event before it can be read back', async () => {
      const id = newSession();
      const durable = Promise.withResolvers<void>();
      const log = open({ append: (entry) => durable.promise.then(() => store().events.append(entry)) });
      let reported = false;
      const first = take(log, id, 0, 1).finally(() => {
        reported = true;
      });
      const appended = log.append({ sessionId: id, after: 0, at: 1, facts: facts(1) });
      await breathe();
      expect(reported).toBe(false);
      durable.resolve();
      expect(await first).toEqual([await appended]);
    });

    test('an append between the last read and the wait is not missed', async () => {
      const id = newSession();
      let late = true;
      const log = open({
        page: async (...args) => {
          const page = await store().events.page(...args);
          if (late) await log.append({ sessionId: id, after: 0, at: 1, facts: facts(1) });
          late = false;
          return page;
        },
      });
      expect(await take(log, id, 0, 1)).toEqual([1]);
    });

    test('nobody is notified of a fenced append', async () => {
      const { log, id, append } = begin();
      const reading = take(log, id, 0, 2);
      await append(facts(1));
      await expect(log.append({ sessionId: id, after: 0, at: 1, facts: facts(3) })).rejects.toMatchObject({
        code: 'fenced',
      });
      await append(facts(1, 2));
      expect([await reading, (await log.page(id, 0, 10)).head]).toEqual([[1, 2], 2]);
    });

    test('live readers of one session share the very objects and leave the store alone', async () => {
      const id = newSession();
      let reads = 0;
      const log = open({
        page: (...args) =>
          store()
            .events.page(...args)
            .finally(() => reads++),
      });
      const readers = Array.from({ length: 5 }, () => oneByOne(log.follow(id, 0, soon())));
      const append = writer(log, id);
      for (const seq of [1, 2, 3]) {
        const next = readers.map((reader) => reader.next());
        await expect.poll(() => reads).toBe(5); // one read each when they arrived, and none afterwards
        await append(facts(1));
        const items = (await Promise.all(next)).map(({ value }) => value);
        expect(seqOf(items[0])).toBe(seq);
        const events = items.map((item) => item?.kind === 'event' && item.event);
        for (const event of events) expect(event).toBe(events[0]);
      }
      expect(reads).toBe(5);
    });

    test('a live reader gets the same events as a page of the log', async () => {
      const [log, id] = [open(), newSession()];
      const reader = oneByOne(log.follow(id, 0, soon()));
      const next = reader.next();
      await breathe();
      await writer(log, id)([...deltas(1), ...facts(1)]);
      const live = [(await next).value, (await reader.next()).value].map(
        (item) => item?.kind === 'event' && item.event,
      );
      expect(JSON.stringify(live)).toBe(JSON.stringify((await log.page(id, 0, 2)).events));
    });

    test.each(['while it waits', 'while the store is silent'])(
      'a reader leaves when its signal fires %s',
      async (when) => {
        const silent = { page: () => new Promise<never>(() => {}) };
        const log = open(when === 'while it waits' ? {} : silent);
        const leave = new AbortController();
        const reader = oneByOne(log.follow(newSession(), 0, { signal: leave.signal, deltas: true }));
        const next = reader.next();
        await breathe();
        leave.abort();
        expect((await next).done).toBe(true);
      },
    );

    test('a store that fails ends the reader with its error', async () => {
      const log = open({ page: () => Promise.reject(new Error('gone')) });
      await expect(take(log, newSession(), 0, 1)).rejects.toThrow('gone');
    });
  });
}
