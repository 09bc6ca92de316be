import { expect, test } from 'vitest';
import type { Store } from '../../../src/core/contracts/ports.ts';
import { createSessionRecord as sessionRecord } from '../../../src/sessions/run/log/projection.ts';
import { withReadCache } from '../../../src/storage/kept-reads.ts';
import { createInMemoryStore } from '../../../src/storage/memory/store.ts';
import { composeCore } from '../../support/servers/composed.ts';
import { facts, newSession } from '../../support/stores/store.ts';

interface Costs {
  calls: number;
  rows: number;
  bytes: number;
}
const rowsIn = (answer: unknown): number => {
  if (Array.isArray(answer)) return answer.length;
  if (typeof answer !== 'object' || answer === null) return 0;
  return 'events' in answer ? (answer.events as unknown[]).length : 1;
};

function countingStore() {
  const store = createInMemoryStore();
  let costs: Costs = { calls: 0, rows: 0, bytes: 0 };
  const names: string[] = [];
  const counted = <Of extends object>(of: Of): Of =>
    new Proxy(of, {
      get(target, name: keyof Of & string) {
        const method = target[name];
        if (typeof method !== 'function') return method;
        return async (...args: unknown[]) => {
          const answer: unknown = await method(...args);
          costs.calls++;
          names.push(name);
          costs.rows += rowsIn(answer);
          costs.bytes += JSON.stringify([args, answer ?? null]).length;
          return answer;
        };
      },
    });
  const { events, records, inbox } = store;
  const whole: Store = { ...store, events: counted(events), records: counted(records), inbox: counted(inbox) };
  return {
    store: withReadCache(whole),
    raw: store,
    names,
    async of(act: () => Promise<unknown>): Promise<Costs> {
      costs = { calls: 0, rows: 0, bytes: 0 };
      await act();
      return costs;
    },
  };
}

test('the 40th run of a session costs what the tenth costs', async () => {
  const { store, names, of } = countingStore();
  await using server = await composeCore({}, undefined, { store });
  const { sessions } = server.core.services;
  const { id } = await sessions.create({ origin: 'trpc' });
  const reaches = (status: string) =>
    expect.poll(async () => (await sessions.get(id)).status, { interval: 5 }).toBe(status);
  let ended = 0;
  const run = async () => {
    await sessions.send(id, { text: `Work ${'.'.repeat(500)}\n\`\`\`ask\nWhich?\n\`\`\``, mode: 'queue' });
    await reaches('waiting');
    await sessions.send(id, { text: `This one, number ${1_000 + ended}.`, mode: 'queue' });
    await reaches('completed');
    ended++;
  };
  const runs = async (upTo: number) => {
    while (ended < upTo) await run();
  };
  await runs(8);
  const early = await of(() => runs(12));
  await runs(36);
  const late = await of(() => runs(40));
  expect(names.filter((name) => name === 'compact').length).toBeLessThan(10); // it reads the whole log
  expect(late.calls).toBeLessThanOrEqual(1.1 * early.calls);
  expect(late.rows).toBeLessThanOrEqual(1.1 * early.rows);
  expect(late.bytes).toBeLessThanOrEqual(1.1 * early.bytes);
});

/** The costs of each operation on a server with this many stored sessions. */
async function costsWith(stored: number) {
  const { store, raw, of } = countingStore();
  for (let n = 0; n < stored; n++) {
    const id = newSession();
    const input = { id, origin: 'trpc', template: 'default', title: '', projectId: null, lastTask: '' } as const;
    const doc = { ...sessionRecord({ ...input, at: 1_000 + n, owner: 'ann' }), status: 'completed', lastSeq: 400 };
    const puts = [{ kind: 'session', id, doc, sort: 1_000 + n }];
    await raw.events.append({ sessionId: id, after: 0, at: 1, facts: facts(5), puts });
  }
  const limits = { CORRAL_MAX_SESSIONS_PER_OWNER: '100000', CORRAL_RETENTION_DAYS: '36500' };
  await using server = await composeCore(limits, undefined, { store });
  const { services, retention } = server.core;
  const { sessions } = services;
  const page = (limit: number, owner?: string) =>
    sessions.list({ limit, after: undefined, keep: () => true, ...(owner !== undefined && { owner }) });
  const id = (await page(1))[0]?.id ?? expect.unreachable();
  await page(stored); // the parts that follow all sessions have read them by then
  const acts: Readonly<Record<string, () => Promise<unknown>>> = {
    'a create': () => sessions.create({ origin: 'trpc', owner: 'ann' }),
    'a page of the list': () => page(10),
    'a page of an owner': () => page(10, 'ann'),
    'an open session': () => Promise.all([sessions.get(id), sessions.page(id, 0, 300)]),
    health: () => sessions.health(new AbortController().signal),
    'a round of retention': () => retention.round(new AbortController().signal),
  };
  const costs: Record<string, Costs> = {};
  for (const [name, act] of Object.entries(acts)) costs[name] = await of(act);
  return costs;
}

test('no act costs more where many sessions are stored', async () => {
  const [few, many] = [await costsWith(20), await costsWith(400)];
  for (const [name, { calls, rows, bytes }] of Object.entries(many)) {
    const before = few[name] ?? expect.unreachable();
    expect({ name, calls, rows }).toEqual({ name, calls: before.calls, rows: before.rows });
    expect(bytes, name).toBeLessThanOrEqual(1.1 * before.bytes);
  }
});
