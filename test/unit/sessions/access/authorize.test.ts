import { expect, test } from 'vitest';
import { adminPrincipal, nobodyPrincipal, type Principal, type Role } from '../../../../src/core/model/principal.ts';
import {
  authorize,
  permitsAction,
  redactSession,
  sessionNotFoundError,
} from '../../../../src/sessions/access/authorize.ts';
import { guardServices } from '../../../../src/sessions/access/guarded-services.ts';
import type { AccessKind } from '../../../../src/sessions/api/rules.ts';
import { type Services, serviceRules } from '../../../../src/sessions/api/services.ts';
import type { CreateSessionCommand } from '../../../../src/sessions/api/sessions.ts';

const principal = (role: Role): Principal => ({ role, key: 'k', owner: 'me' });
const [own, foreign, shown, old] = [{ owner: 'me' }, { owner: 'you' }, { owner: 'you', shared: true }, {}];
const all: AccessKind[] = ['see', 'read', 'work', 'stop'];
const allowed = (who: Principal, thing: object) => all.filter((action) => permitsAction(who, action, thing)).join(' ');

test.each([
  ['viewer', 'see read', '', 'see read', ''],
  ['auditor', 'see read', 'see', 'see read', 'see'],
  ['user', 'see read work stop', '', 'see read', ''],
  ['operator', 'see read work stop', 'see stop', 'see read stop', 'see stop'],
  ['admin', 'see read work stop', 'see read work stop', 'see read work stop', 'see read work stop'],
] as const)(
  "a %s: of its own, %s; of another owner's, %s; of a shared one, %s; of one without an owner, %s",
  (role, ...rights) =>
    expect([own, foreign, shown, old].map((thing) => allowed(principal(role), thing))).toEqual(rights),
);

test('the token has every permission, and a request without a caller only reads shared sessions', () => {
  expect([own, shown, old].map((thing) => allowed(adminPrincipal, thing))).toEqual(Array(3).fill('see read work stop'));
  expect([own, shown, old].map((thing) => allowed(nobodyPrincipal, thing))).toEqual(['', 'see read', '']);
});

test('a visitor of a public port works in its sandbox alone', () => {
  const visitor: Principal = { role: 'user', session: 'a', by: 'nobody' };
  expect([{ id: 'a' }, { id: 'b' }, {}].map((thing) => allowed(visitor, thing))).toEqual(['see read work', '', '']);
});

test('a session of another owner looks as if it did not exist; for an own session the refusal names the role', () => {
  expect(() => authorize(principal('user'), 'read', foreign)).toThrow(sessionNotFoundError().message);
  expect(() => authorize(principal('operator'), 'read', foreign)).toThrow(sessionNotFoundError().message);
  expect(() => authorize(principal('viewer'), 'work', own)).toThrow('The role viewer does not allow this.');
});

test('an operator sees no metadata, texts or repositories of sessions of others', () => {
  const session = { owner: 'anna', metadata: { a: '1' }, latestMessage: 'x', lastTask: 'y', repositories: [] } as never;
  const expected = { owner: 'anna', latestMessage: '', lastTask: '' };
  expect(redactSession({ role: 'operator', owner: 'bert' }, session)).toEqual(expected);
  expect(redactSession({ role: 'user', owner: 'anna' }, session)).toBe(session);
});

/** The command that creates a session whose owner starts it from a snapshot of this image. */
async function madeWith(built: object | undefined, wish: Partial<CreateSessionCommand> = {}) {
  const made: CreateSessionCommand[] = [];
  const snapshot = { id: 'snap-1', sha256: 'aa', ...(built && { built }) };
  const none = Object.fromEntries(Object.keys(serviceRules).map((name) => [name, {}]));
  const services = {
    ...none,
    sessions: { create: async (command: CreateSessionCommand) => void made.push(command) },
    snapshots: { find: async () => snapshot },
    templateBuilds: { findImage: async () => ({ image: 'chosen' }) },
  };
  const guarded = guardServices(services as unknown as Services, {
    principalOf: () => ({ role: 'user', owner: 'ann' }),
  });
  await guarded.sessions.create({ origin: 'rest', snapshot: 'mine', ...wish } as CreateSessionCommand);
  return made[0];
}

test.each([
  ['has the image that the files come from', { image: 'built-1' }, {}, { image: 'built-1' }],
  [
    'has the image of a built template that the caller names',
    { image: 'built-1' },
    { built: 'tools' },
    { image: 'chosen' },
  ],
  ['cannot get an image that the snapshot has not', undefined, { sandbox: { image: 'any', cpus: 1 } }, { cpus: 1 }],
])('a session that begins with a snapshot %s', async (_, built, wish, sandbox) => {
  const made = await madeWith(built, wish);
  expect(made?.startsFrom).toEqual({ blob: 'snap-1', sha256: 'aa' });
  expect(made?.sandbox).toEqual(sandbox);
});
