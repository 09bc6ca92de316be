import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Event } from '../../../../src/client/types.ts';
import { LogReader, type LogSink, type LogSource, type LogSubscriber } from '../../../../src/web/data/log-reader.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const eventAt = (seq: number) => ({ seq, type: 'title', data: { title: `t${seq}` } }) as unknown as Event;
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, at) => from + at);

/** A log of this length, whose server breaks once where `breaks` says so: at the list after this place. */
class FakeServer implements LogSource {
  head: number;
  readonly lists: [afterSeq: number, limit: number][] = [];
  readonly breaks = new Map<number, Error>();
  subscriber: LogSubscriber | undefined;
  followedAfter: number[] = [];
  onList: (afterSeq: number) => void = () => {};

  constructor(head: number) {
    this.head = head;
  }

  async list(afterSeq: number, limit: number) {
    this.lists.push([afterSeq, limit]);
    this.onList(afterSeq);
    const failure = this.breaks.get(afterSeq);
    this.breaks.delete(afterSeq);
    if (failure) throw failure;
    return { events: range(afterSeq + 1, Math.min(this.head, afterSeq + limit)).map(eventAt), lastSeq: this.head };
  }

  follow(afterSeq: number, subscriber: LogSubscriber) {
    this.followedAfter.push(afterSeq);
    this.subscriber = subscriber;
    for (let seq = afterSeq + 1; seq <= this.head; seq++) subscriber.onData(eventAt(seq));
    return () => {
      this.subscriber = undefined;
    };
  }

  isFinal = (error: unknown) => (error as Error).message === 'no such session';

  append(): void {
    this.head += 1;
    this.subscriber?.onData(eventAt(this.head));
  }
}

/** A page: it shows the whole log, or its end while the rest is loading. */
class FakeView implements LogSink {
  whole: number[] = [];
  end: number[] = [];
  ends: string[] = [];
  #isJoined = true;
  get shown(): number[] {
    return this.#isJoined ? this.whole : this.end;
  }
  take(events: readonly Event[]): void {
    this.whole.push(...events.map(({ seq }) => seq));
  }
  receiveTail(events: readonly Event[]): void {
    this.#isJoined = false;
    this.end.push(...events.map(({ seq }) => seq));
  }
  join(events: readonly Event[]): void {
    this.take(events);
    this.#isJoined = true;
    this.ends.push('joined');
  }
  gone(): void {
    this.ends.push('gone');
  }
  startAgain(): void {
    this.ends.push('again');
  }
}

function read(head: number) {
  const server = new FakeServer(head);
  const seen = new FakeView();
  const reader = new LogReader(server, seen);
  return { server, seen, reader };
}
const settle = () => vi.advanceTimersByTimeAsync(5_000);

test.each([0, 1, 999, 1_000, 1_001, 1_300])('a log of %i events is shown from its start', async (head) => {
  const { server, seen, reader } = read(head);
  reader.start();
  await settle();
  expect(seen).toMatchObject({ whole: range(1, head), end: [], ends: [] });
  expect(server.followedAfter).toEqual([head]);
});

test('a long log shows its end before what is in the middle is requested', async () => {
  const { server, seen, reader } = read(10_000);
  const shownAt: [number, number | undefined][] = [];
  server.onList = (after) => shownAt.push([after, seen.shown.at(-1)]);
  reader.start();
  await settle();
  expect(shownAt.slice(0, 3)).toEqual([
    [0, undefined],
    [9_700, undefined],
    [1_000, 10_000],
  ]);
  expect([seen.end, seen.whole]).toEqual([range(9_701, 10_000), range(1, 10_000)]);
  expect(server.followedAfter).toEqual([10_000]);
});

test('what happens while the middle is read is shown at once, and is there once afterwards', async () => {
  const { server, seen, reader } = read(5_000);
  server.onList = (after) => after === 3_000 && server.append();
  reader.start();
  await vi.waitFor(() => expect(seen.ends).toEqual(['joined']));
  server.append();
  await settle();
  expect(seen.shown).toEqual(range(1, 5_002));
});

test.each([0, 4_700, 1_000, 4_000])(
  'a connection that breaks after %i leaves nothing missing or doubled',
  async (after) => {
    const { server, seen, reader } = read(5_000);
    server.breaks.set(after, new Error('the connection broke'));
    reader.start();
    await settle();
    server.append();
    await settle();
    expect([seen.shown, seen.ends]).toEqual([range(1, 5_001), ['joined']]);
  },
);

test('a subscription that fails while the middle is read continues after the newest event', async () => {
  const { server, seen, reader } = read(5_000);
  server.onList = (after) => {
    if (after !== 2_000) return;
    server.append();
    server.subscriber?.onError(new Error('the store is busy'));
    server.head += 2_500;
  };
  reader.start();
  await settle();
  expect([seen.shown, server.followedAfter]).toEqual([range(1, 7_501), [5_000, 7_501]]);
});

test('a session that does not exist is left once', async () => {
  const { server, seen, reader } = read(5_000);
  server.breaks.set(3_000, new Error('no such session'));
  reader.start();
  await settle();
  expect([seen.ends, server.subscriber]).toEqual([['gone'], undefined]);
});

test('a reader that was ended shows nothing more', async () => {
  const { server, seen, reader } = read(5_000);
  let stop = () => {};
  server.onList = (after) => after === 2_000 && stop();
  stop = reader.start();
  await settle();
  expect([[seen.whole, seen.ends], server.subscriber]).toEqual([[range(1, 2_000), []], undefined]);
});

test('a server that lost the events after the place has the log read again', async () => {
  const { server, seen, reader } = read(3);
  reader.start();
  await settle();
  server.subscriber?.onData({ type: 'resync' });
  expect([seen.ends, server.subscriber]).toEqual([['again'], undefined]);
});
