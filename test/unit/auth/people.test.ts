import { expect, test } from 'vitest';
import { createPeppers } from '../../../src/auth/pepper.ts';
import { DeviceRegistry } from '../../../src/auth/sign-in/devices.ts';
import { PersonRegistry } from '../../../src/auth/sign-in/people.ts';
import { createIdSource } from '../../../src/core/model/ids.ts';
import { Secret } from '../../../src/core/text/secret.ts';
import { createInMemoryStore } from '../../../src/storage/memory/store.ts';

// The people of two servers that share a store.
const issuer = 'https://login.example.com';
const hourMs = 3_600_000;
const ada = { subject: '1', name: 'Ada', email: null, isVerified: false, picture: null, groups: [] };
const browser = { kind: 'browser', agent: '', sid: null, refreshes: true, seal: () => null } as const;

async function servers() {
  const { records } = createInMemoryStore();
  let now = 1_000_000;
  const clock = { now: () => now };
  const open = async () => {
    const people = new PersonRegistry({ records, clock, ids: createIdSource(), issuers: new Set([issuer]) });
    const devices = new DeviceRegistry({
      ...{ records, people, clock, ids: createIdSource(), shared: true },
      peppers: createPeppers([new Secret('a pepper for tests')]),
      limits: { absoluteMs: 100 * hourMs, idleMs: 50 * hourMs, uncheckedMs: 8 * hourMs },
    });
    await devices.load();
    return Object.assign(devices, { meet: people.meet.bind(people), change: people.change.bind(people) });
  };
  const later = (ms: number) => {
    now += ms;
  };
  return { one: await open(), other: await open(), open, later };
}

test('a browser that signed in at one server is known to the others, also after a restart, until it ends or its person is disabled', async () => {
  const { one, other, open } = await servers();
  const person = await one.meet(issuer, ada, 'user');
  const { device, secret } = await one.enter(person, browser);
  expect([other.mayBeNew(secret), other.find([secret], 'browser')]).toEqual([true, undefined]);
  await other.load();
  const seen = other.find([secret], 'browser');
  expect(seen).toMatchObject({ role: 'user', key: device.id });
  expect((await open()).find([secret], 'browser')).toMatchObject({ owner: seen?.owner });
  await one.end(device.id);
  await other.load();
  expect([seen?.ended?.aborted, other.find([secret], 'browser')]).toEqual([true, undefined]);
  const again = await one.enter(person, browser);
  await other.load();
  const back = other.find([again.secret], 'browser');
  await one.change(person.key, { disabled: true });
  await other.load();
  expect([back?.ended?.aborted, other.find([again.secret], 'browser')]).toEqual([true, undefined]);
});

test('a person who signs in at two servers is one person', async () => {
  const { one, other } = await servers();
  const [first, second] = await Promise.all([one.meet(issuer, ada, 'user'), other.meet(issuer, ada, 'user')]);
  expect(second.owner).toBe(first.owner);
});

test('one server at a time asks the provider about a browser', async () => {
  const { one, other, later } = await servers();
  const { device } = await one.enter(await one.meet(issuer, ada, 'user'), browser);
  await other.load();
  later(60_000);
  const due = { everyMs: 30_000, forMs: 60_000 };
  const claims = await Promise.all([one.claim(device.id, due), other.claim(device.id, due)]);
  expect(claims.filter(Boolean)).toHaveLength(1);
});

test('a secret that was replaced serves the requests under way, and then no longer', async () => {
  const { one, other, later } = await servers();
  const { device, secret } = await one.enter(await one.meet(issuer, ada, 'user'), browser);
  later(7 * hourMs);
  await one.confirm(device.id, null as never);
  later(6 * hourMs);
  await other.load();
  const next = await Promise.all([one.rotate(device.id), other.rotate(device.id)]);
  expect(next.filter(Boolean)).toHaveLength(1);
  const [newest = ''] = next.filter((it) => it !== undefined);
  await one.load();
  expect([one.find([secret], 'browser'), one.find([newest], 'browser')].every(Boolean)).toBe(true);
  later(60_001);
  expect([one.find([secret], 'browser'), one.find([newest], 'browser')].map(Boolean)).toEqual([false, true]);
});
