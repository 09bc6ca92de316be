import { expect, test } from 'vitest';
import { Memberships } from '../../../src/auth/memberships.ts';
import { type ProjectMember, toMemberKey } from '../../../src/core/model/access/project-member.ts';
import type { MemberRole, Principal } from '../../../src/core/model/principal.ts';
import { permitsAction } from '../../../src/sessions/access/authorize.ts';
import { createInMemoryStore } from '../../../src/storage/memory/store.ts';

const issuer = 'https://login.example.com';
const groups = (...names: string[]) => names.map((id) => toMemberKey({ of: 'group', id, issuer }));
const person = (id: string, role: MemberRole): ProjectMember => ({ of: 'person', id, role });
const group = (id: string, role: MemberRole, at = issuer): ProjectMember => ({ of: 'group', id, issuer: at, role });
const caller = (owner: string, more: Partial<Principal> = {}): Principal => ({
  role: 'user',
  key: owner,
  owner,
  ...more,
});

/** A project of `boss`, whose members `put` replaces. */
async function aProject() {
  const { records } = createInMemoryStore();
  const memberships = new Memberships(records);
  const put = async (members: readonly ProjectMember[], departures = 0) => {
    const doc = { id: 'p', createdAt: 1, owner: 'boss', members, departures };
    await records.put({ kind: 'project', id: 'p', doc });
    await memberships.changed('p');
  };
  return { put, memberships, records, roleOf: (of: Principal) => memberships.within(of).projects?.get('p') };
}

test.each<[name: string, caller: Principal, role: string | undefined]>([
  ['the owner', caller('boss'), 'owner'],
  ['a person by the id', caller('k1', { person: 'ada' }), 'member'],
  ['a key by its owner', caller('bob'), 'viewer'],
  ['a person by a group', caller('c', { aliases: groups('crew') }), 'viewer'],
  ['the higher of two roles', caller('c', { person: 'ada', aliases: groups('crew', 'leads') }), 'maintainer'],
  ["another provider's group of the same name", caller('c', { aliases: [`https://evil.example\ncrew`] }), undefined],
  ['a group named like a person', caller('c', { aliases: groups('ada') }), undefined],
  ['a person named like a group', caller('crew', { person: 'crew' }), undefined],
  ['a person by a verified e-mail address', caller('c', { person: 'eve', aliases: ['eve@example.com'] }), 'member'],
  ['a stranger', caller('eve'), undefined],
])('the role in a project of %s', async (_, of, role) => {
  const { put, roleOf } = await aProject();
  await put([
    person('ada', 'member'),
    person('bob', 'viewer'),
    group('crew', 'viewer'),
    group('leads', 'maintainer'),
    person('Eve@Example.com', 'member'),
  ]);
  expect(roleOf(of)).toBe(role);
});

test('rights that a caller gets appear in its open connections; those that it loses end them', async () => {
  const { put, memberships, records } = await aProject();
  const of = caller('ada');
  const first = memberships.within(of);
  await put([person('ada', 'viewer')]);
  await put([person('ada', 'maintainer')]);
  const expected = [first, 'maintainer', false];
  expect([memberships.within(of), first.projects?.get('p'), first.ended?.aborted]).toEqual(expected);
  await put([person('ada', 'member')]);
  const second = memberships.within(of);
  expect([first.ended?.aborted, first.projects?.get('p'), second.projects?.get('p')]).toEqual([
    true,
    'member',
    'member',
  ]);
  const boss = memberships.within(caller('boss'));
  await put([person('ada', 'member')], 1); // a resource left the project
  expect([second.ended?.aborted, boss.ended?.aborted]).toEqual([true, true]);
  const third = memberships.within(of);
  await put([], 1);
  expect([third.ended?.aborted, memberships.within(of).projects?.size]).toEqual([true, 0]);
  const last = memberships.within(caller('boss'));
  await records.delete('project', 'p');
  await memberships.changed('p');
  expect([last.ended?.aborted, last.projects?.size]).toEqual([false, 0]);
});

const may = (role: MemberRole | 'owner' | undefined, owner: string, own: Partial<Principal> = {}) => {
  const principal = { ...caller('me', own), projects: new Map(role ? [['p', role]] : []) };
  const thing = { owner, projectId: 'p' };
  return (['see', 'read', 'work', 'stop', 'manage'] as const).filter((action) =>
    permitsAction(principal, action, thing),
  );
};
test.each<[name: string, allowed: string[], rights: string]>([
  ["a viewer, another's session", may('viewer', 'you'), 'see read'],
  ["a member, another's session", may('member', 'you'), 'see read work'],
  ["a maintainer, another's session", may('maintainer', 'you'), 'see read work stop manage'],
  ['a member, the own session', may('member', 'me'), 'see read work stop manage'],
  ['a viewer, the own session of before', may('viewer', 'me'), 'see read'],
  ['a former member, the own session there', may(undefined, 'me'), ''],
  ['a maintainer whose role on the server is viewer', may('maintainer', 'you', { role: 'viewer' }), 'see read'],
  ['an operator who is no member', may(undefined, 'you', { role: 'operator' }), 'see stop'],
])('%s', (_, allowed, rights) => expect(allowed.join(' ')).toBe(rights));

test('another server of the store ends the streams of a member with fewer rights or none, once it reads the store', async () => {
  const { put, records } = await aProject();
  await put([person('ada', 'member')]);
  const other = new Memberships(records);
  await other.load();
  const ada = other.within(caller('ada'));
  expect(ada.projects?.get('p')).toBe('member');
  await put([person('ada', 'viewer')]);
  await other.load();
  const viewer = other.within(caller('ada'));
  expect([ada.ended?.aborted, viewer.ended?.aborted, viewer.projects?.get('p')]).toEqual([true, false, 'viewer']);
  await put([]);
  await other.load();
  expect([viewer.ended?.aborted, viewer.projects?.size]).toEqual([true, 0]);
});
