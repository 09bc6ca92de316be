import { expect, test } from 'vitest';
import { ParseTaskQueue, type WorkerLike } from '../../../../src/web/parsing/queue.ts';
import type { ParseTaskRequest } from '../../../../src/web/parsing/tasks.ts';

class FakeWorker implements WorkerLike {
  readonly orders: ParseTaskRequest[] = [];
  isEnded = false;
  onmessage: WorkerLike['onmessage'] = null;
  onerror: WorkerLike['onerror'] = null;

  postMessage(order: ParseTaskRequest): void {
    this.orders.push(order);
  }
  terminate(): void {
    this.isEnded = true;
  }
  ready(): void {
    this.onmessage?.({ data: 'ready' } as never);
  }
  answer(output: unknown): void {
    this.onmessage?.({ data: { id: this.orders.at(-1)?.id, output } } as never);
  }
}

function open() {
  const workers: FakeWorker[] = [];
  const timers = new Map<() => void, number>();
  const queue = new ParseTaskQueue({
    start() {
      const worker = new FakeWorker();
      workers.push(worker);
      return worker;
    },
    after(ms, act) {
      const once = () => timers.delete(once) && act();
      timers.set(once, ms);
      return () => timers.delete(once);
    },
  });
  return {
    queue,
    workers,
    timers,
    read: (text: string, signal?: AbortSignal) => queue.run('markdown', { text }, signal),
    /** The running task exceeds its time. */
    elapse: () => [...timers.keys()].at(-1)?.(),
    newest: () => workers.at(-1) as FakeWorker,
  };
}
const textsOf = ({ orders }: FakeWorker) => orders.map(({ input }) => (input as { text: string }).text);

test('a worker gets one task at a time, the newest first', async () => {
  const { read, newest } = open();
  const first = read('first');
  const second = read('second');
  newest().ready();
  expect(textsOf(newest())).toEqual(['second']);
  newest().answer(['2']);
  expect(textsOf(newest())).toEqual(['second', 'first']);
  newest().answer(['1']);
  expect(await Promise.all([first, second])).toEqual([['1'], ['2']]);
});

test('a task that takes too long ends its worker, and a new worker does the next task', async () => {
  const { read, newest, workers, elapse } = open();
  const next = read('next');
  const slow = read('slow');
  newest().ready();
  elapse();
  expect([await slow, workers[0]?.isEnded]).toEqual([undefined, true]);
  newest().ready();
  newest().answer(['fine']);
  expect([await next, workers.length]).toEqual([['fine'], 2]);
});

test('a worker that was started ahead does the first task, and is started once', () => {
  const { queue, read, newest, workers } = open();
  queue.warm();
  newest().ready();
  queue.warm();
  void read('first');
  expect([textsOf(newest()), workers.length]).toEqual([['first'], 1]);
});

test('after three slow tasks the next ones get less time', () => {
  const { read, newest, elapse, timers } = open();
  const provided: (number | undefined)[] = [];
  for (let n = 0; n < 5; n++) {
    void read('slow');
    newest().ready();
    provided.push([...timers.values()].at(-1));
    elapse();
  }
  expect(provided).toEqual([4_000, 4_000, 4_000, 500, 500]);
});

test('a failed task has no output, and its worker continues', async () => {
  const { read, newest, workers } = open();
  const task = read('deep');
  newest().ready();
  newest().answer(undefined);
  expect([await task, workers.length]).toEqual([undefined, 1]);
});

test('a worker that does not start leaves every text plain, and a later text tries again', async () => {
  const { read, newest, workers } = open();
  const both = [read('a'), read('b')];
  newest().onerror?.({} as ErrorEvent);
  expect(await Promise.all(both)).toEqual([undefined, undefined]);
  void read('c');
  newest().ready();
  expect([textsOf(newest()), workers.length]).toEqual([['c'], 2]);
});

test('a browser that refuses workers leaves texts plain', async () => {
  const queue = new ParseTaskQueue({
    start() {
      throw new TypeError('This document requires a TrustedScriptURL.');
    },
    after: () => () => {},
  });
  expect(await queue.run('markdown', { text: 'a' })).toBeUndefined();
});

test('a task that is no longer needed is not begun', async () => {
  const { read, newest } = open();
  const ended = new AbortController();
  const task = read('gone', ended.signal);
  ended.abort();
  newest().ready();
  expect([await task, newest().orders]).toEqual([undefined, []]);
});
