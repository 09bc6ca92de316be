import { describe, expect, test } from 'vitest';
import type { Store } from '../../../../src/core/contracts/ports.ts';
import { SessionId } from '../../../../src/core/model/ids.ts';
import { readEventsFrom } from '../../../../src/sessions/engine/run-fold.ts';
import { withPayloadOffload } from '../../../../src/storage/payload-offload/payload-offload.ts';
import { memoryBlobs } from '../../../support/stores/memory-blobs.ts';
import { calledFact, facts, newSession } from '../../../support/stores/store.ts';

const never = new AbortController().signal;

/** The tests for events that exceed one document, on every store. */
export function largeContract(store: () => Store): void {
  describe('large events', () => {
    const open = () => {
      const blobs = memoryBlobs();
      let ids = 0;
      return { blobs, ...withPayloadOffload({ store: store(), blobs, newId: () => `${++ids}`, now: () => 1_000 }) };
    };
    const all = (large: Store, id: SessionId) => Array.fromAsync(readEventsFrom(large.events, SessionId.parse(id), 1));

    test('F068 an event of 17 MB is stored, read whole, and no more is in the store than a reference', async () => {
      const { store: large, blobs } = open();
      const id = newSession();
      const huge = calledFact({ output: 'x'.repeat(17_000_000), args: { text: `\ud800${'y'.repeat(300_000)}` } });
      await large.events.append({ sessionId: id, after: 0, at: 1, facts: [...facts(1), huge, ...facts(1)] });
      const [, bare] = (await store().events.page(id, 0, 10)).events;
      expect(JSON.stringify(bare).length).toBeLessThan(256 * 1024);
      expect((await all(large, id))[1]).toEqual({ ...huge, seq: 2, sessionId: id, ts: 1 });
      expect(blobs.kept.size).toBe(1);
      await large.events.erase(id);
      expect(blobs.kept.size).toBe(0);
    });

    test('F074 an event with a missing or damaged blob is readable, reports the problem, and the log continues', async () => {
      const { store: large, blobs, collect } = open();
      const id = newSession();
      const huge = [
        calledFact({ output: `a${'x'.repeat(400_000)}z` }),
        calledFact({ output: `b${'x'.repeat(400_000)}z` }),
      ];
      await large.events.append({ sessionId: id, after: 0, at: 1, facts: huge });
      const [first = '', second = ''] = [...blobs.kept.keys()];
      blobs.kept.delete(first);
      blobs.kept.set(second, Buffer.from('{}'));
      await large.events.append({ sessionId: id, after: 2, at: 1, facts: facts(1) });
      const events = await all(large, id);
      expect(events.map(({ seq, problem }) => [seq, problem])).toEqual([
        [1, 'blob_missing'],
        [2, 'blob_missing'],
        [3, undefined],
      ]);
      expect(await collect(500, never)).toBe(0);
      await large.events.erase(id);
    });
  });
}
