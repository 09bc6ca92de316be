import { expect, test } from 'vitest';
import { Memberships } from '../../../src/auth/memberships.ts';
import { PersonRegistry } from '../../../src/auth/sign-in/people.ts';
import type { Store } from '../../../src/core/contracts/ports.ts';
import { createIdSource } from '../../../src/core/model/ids.ts';
import { manualClock } from '../../support/machines/manual-clock.ts';
import { openPair, storePairs } from '../../support/stores/store-pairs.ts';

// Two servers agree on members and access once the other one reads the store, which it does every second.

const issuer = 'https://login.example.com';

async function serverOn({ records }: Pick<Store, 'records'>) {
  const people = new PersonRegistry({
    records,
    clock: manualClock(),
    ids: createIdSource(),
    issuers: new Set([issuer]),
  });
  const memberships = new Memberships(records);
  const load = async () => {
    await people.load();
    await memberships.load();
  };
  await load();
  const callerOf = (key: string) => {
    const found = people.live(key);
    return found && memberships.within(found);
  };
  return { people, memberships, load, callerOf };
}

test.for(storePairs)('members and access that one server changes apply at another with %s', async (name, context) => {
  await using pair = await openPair(name, context);
  const [first, second] = pair.stores;
  const [one, other] = [await serverOn(first), await serverOn(second)];
  const said = { name: 'Ada', email: 'ada@example.com', isVerified: true, picture: null, groups: [] };
  const { key } = await one.people.meet(issuer, { subject: '1', ...said }, 'user');
  const put = async (members: readonly { id: string; role: 'member' | 'viewer' }[]) => {
    const all = members.map((member) => ({ of: 'person', ...member }));
    const doc = { id: 'p', createdAt: 1, owner: 'boss', members: all, departures: 0 };
    await first.records.put({ kind: 'project', id: 'p', doc });
    await one.memberships.changed('p');
    await other.load();
  };
  await put([{ id: 'ada@example.com', role: 'member' }]);
  const member = other.callerOf(key);
  expect(member?.projects?.get('p')).toBe('member');
  await put([{ id: 'ada@example.com', role: 'viewer' }]);
  expect([member?.ended?.aborted, other.callerOf(key)?.projects?.get('p')]).toEqual([true, 'viewer']);
  await put([]);
  const stranger = other.callerOf(key);
  expect(stranger?.projects?.get('p')).toBeUndefined();
  await one.people.change(key, { disabled: true });
  await other.load();
  expect([stranger?.ended?.aborted, other.callerOf(key)]).toEqual([true, undefined]);
});
