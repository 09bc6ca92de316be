import { expect, test } from 'vitest';
import { type Actor, everybody, nobody, type Role } from '../../../../src/core/actor.ts';
import { type Action, authorize, may, noSession } from '../../../../src/session/access/authorize.ts';

const actor = (role: Role): Actor => ({ role, key: 'k', owner: 'me' });
const [own, foreign, shown, old] = [{ owner: 'me' }, { owner: 'you' }, { owner: 'you', shared: true }, {}];
const all: Action[] = ['see', 'read', 'work', 'stop'];
const allowed = (who: Actor, thing: object) => all.filter((action) => may(who, action, thing)).join(' ');

test.each([
  ['viewer', 'see read', '', 'see read', ''],
  ['user', 'see read work stop', '', 'see read', ''],
  ['operator', 'see read work stop', 'see stop', 'see read stop', 'see stop'],
  ['admin', 'see read work stop', 'see read work stop', 'see read work stop', 'see read work stop'],
] as const)(
  'a %s: of its own, %s; of a foreign one, %s; of a shared one, %s; of one without an owner, %s',
  (role, ...rights) => {
    expect([own, foreign, shown, old].map((thing) => allowed(actor(role), thing))).toEqual(rights);
  },
);

test('the token may everything, and nobody reads what is shared alone', () => {
  expect([own, shown, old].map((thing) => allowed(everybody, thing))).toEqual(Array(3).fill('see read work stop'));
  expect([own, shown, old].map((thing) => allowed(nobody, thing))).toEqual(['', 'see read', '']);
});

test('what is foreign is as unknown as what does not exist; what is own says that the role is too little', () => {
  expect(() => authorize(actor('user'), 'read', foreign)).toThrow(noSession().message);
  expect(() => authorize(actor('operator'), 'read', foreign)).toThrow(noSession().message);
  expect(() => authorize(actor('viewer'), 'work', own)).toThrow('A key of the role viewer may not do this.');
});
