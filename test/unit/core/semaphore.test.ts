import { expect, test } from 'vitest';
import { neverAbortingSignal } from '../../../src/core/concurrency/cancel.ts';
import { withSequentialCalls } from '../../../src/core/concurrency/keyed-queue.ts';
import { Semaphore } from '../../../src/core/concurrency/semaphore.ts';

/** Acquires, and adds its name to the list afterwards. */
const noting = (semaphore: Semaphore, order: string[], name: string, weight?: number) =>
  semaphore.acquire(neverAbortingSignal, weight).then((slot) => {
    order.push(name);
    return slot;
  });
const settle = () => new Promise(setImmediate);

test('as many callers run as there are slots, and the next one when one has released its slot', async () => {
  const semaphore = new Semaphore(1);
  const order: string[] = [];
  const first = await noting(semaphore, order, 'first');
  const second = noting(semaphore, order, 'second');
  await settle();
  expect(order).toEqual(['first']);
  first[Symbol.dispose]();
  first[Symbol.dispose](); // a second release changes nothing
  (await second)[Symbol.dispose]();
  expect(order).toEqual(['first', 'second']);
});

test('a caller whose signal fires gives up its place, and the one behind it begins', async () => {
  const semaphore = new Semaphore(1);
  const first = await semaphore.acquire(neverAbortingSignal);
  const stop = new AbortController();
  const second = semaphore.acquire(stop.signal);
  const third = semaphore.acquire(neverAbortingSignal);
  stop.abort();
  await expect(second).rejects.toMatchObject({ code: 'cancelled' });
  first[Symbol.dispose]();
  (await third)[Symbol.dispose]();
});

test('a heavy caller waits until there is room for its weight, and a light one behind it waits too', async () => {
  const semaphore = new Semaphore(10);
  const order: string[] = [];
  const first = await noting(semaphore, order, 'first', 8);
  const heavy = noting(semaphore, order, 'heavy', 5);
  const light = noting(semaphore, order, 'light', 1);
  await settle();
  expect(order).toEqual(['first']);
  first[Symbol.dispose]();
  for (const slot of await Promise.all([heavy, light])) slot[Symbol.dispose]();
  expect(order).toEqual(['first', 'heavy', 'light']);
});

test('a light caller begins when the heavy one before it gives up', async () => {
  const semaphore = new Semaphore(10);
  await semaphore.acquire(neverAbortingSignal, 8);
  const stop = new AbortController();
  const heavy = semaphore.acquire(stop.signal, 5);
  const light = semaphore.acquire(neverAbortingSignal, 1);
  stop.abort();
  await expect(heavy).rejects.toMatchObject({ code: 'cancelled' });
  await light;
});

test('a weight above the limit is served alone', async () => {
  const semaphore = new Semaphore(10);
  const order: string[] = [];
  const first = await noting(semaphore, order, 'first');
  const large = noting(semaphore, order, 'large', 99);
  await settle();
  expect(order).toEqual(['first']);
  first[Symbol.dispose]();
  (await large)[Symbol.dispose]();
});

test('more callers than any program has are refused', async () => {
  const semaphore = new Semaphore(1, { maxWaiting: 3, whenFull: 'Too many.' });
  await semaphore.acquire(neverAbortingSignal);
  const stop = new AbortController();
  const waiting = Array.from({ length: 3 }, () => semaphore.acquire(stop.signal));
  const expected = { code: 'queue_full', message: 'queue_full: Too many.' };
  await expect(semaphore.acquire(neverAbortingSignal)).rejects.toMatchObject(expected);
  stop.abort();
  await Promise.allSettled(waiting);
});

test('a limit holds for calls at the same time, for each owner and id', async () => {
  const made: string[] = [];
  const limited = async (whose: string) => {
    const count = made.filter((one) => one === whose).length;
    await Promise.resolve();
    if (count >= 3) throw new Error('quota');
    made.push(whose);
  };
  const service = withSequentialCalls(
    { create: ({ owner = 'nobody' }: { owner?: string }) => limited(owner), add: (id: string) => limited(id) },
    'create',
    'add',
  );
  const tried = ['a', undefined, 'b'].flatMap((owner) =>
    Array.from({ length: 9 }, () => ({ ...(owner && { owner }) })),
  );
  const answers = await Promise.allSettled([
    ...tried.map((one) => service.create(one)),
    ...[1, 2, 3, 4].map(() => service.add('id')),
  ]);
  expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(12);
});
