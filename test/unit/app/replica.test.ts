import { expect, test } from 'vitest';
import { createReplica } from '../../../src/app/parts/replica.ts';
import { createIdSource } from '../../../src/core/model/ids.ts';
import { createInMemoryStore } from '../../../src/storage/memory/store.ts';
import { manualClock } from '../../support/machines/manual-clock.ts';

const never = () => new Promise<never>(() => {});

/** A server among others, on a store that answers until `hang`. */
function replica() {
  const clock = manualClock(1_000_000);
  const memory = createInMemoryStore();
  let isHanging = false;
  const slow = <Part extends object>(part: Part): Part =>
    new Proxy(part, {
      get: (of, name) => {
        const call = Reflect.get(of, name) as (...args: unknown[]) => unknown;
        return (...args: unknown[]) => (isHanging ? never() : call.apply(of, args));
      },
    });
  const store = { ...memory, shared: true, records: slow(memory.records), leases: slow(memory.leases) };
  const server = createReplica({ store, clock, ids: createIdSource(), settings: { leaseSeconds: 5 } });
  server.join({ closing: new AbortController().signal, inherit: async () => {}, warn: () => {} });
  const hang = () => {
    isHanging = true;
  };
  return { server, clock, records: memory.records, hang };
}

test('a server that ends says so to the others, in the store', async () => {
  const { server, records } = replica();
  await server[Symbol.asyncDispose]();
  const [record] = await records.list('replica');
  expect(record?.doc).toMatchObject({ gone: true });
});

test('F007 a store that hangs keeps the end of a server waiting for two seconds in all', async () => {
  const { server, clock, hang } = replica();
  hang();
  let isOver = false;
  const over = server[Symbol.asyncDispose]().then(() => {
    isOver = true;
  });
  clock.advance(1_900);
  await new Promise(setImmediate);
  expect(isOver).toBe(false);
  clock.advance(100);
  await over;
});
