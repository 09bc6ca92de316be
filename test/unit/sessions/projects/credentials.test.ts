import { expect, test } from 'vitest';
import { createSecretSealer } from '../../../../src/auth/vault.ts';
import { AppError } from '../../../../src/core/errors/errors.ts';
import { SessionId } from '../../../../src/core/model/ids.ts';
import { Secret } from '../../../../src/core/text/secret.ts';
import { createBoundCredentialStore } from '../../../../src/sessions/projects/credentials.ts';
import { createInMemoryStore } from '../../../../src/storage/memory/store.ts';
import { manualClock } from '../../../support/machines/manual-clock.ts';

const id = SessionId.parse('0123456789abcdef');
const project = '00000000-0000-4000-8000-000000000001';
const oldKey = new Secret('ab'.repeat(32));
const newKey = new Secret('cd'.repeat(32));
const value = new Secret('a-real-value');
const api = { name: 'api', hosts: ['api.example'], header: 'x-api-key', env: ['API_KEY'] };

function ring(keys = [oldKey], store = createInMemoryStore(), values = new Map<string, string>()) {
  const learned: string[] = [];
  let changes = 0;
  const it = createBoundCredentialStore({
    records: store.records,
    vault: createSecretSealer(keys),
    clock: manualClock(),
    learn: (secret) => void learned.push(secret.reveal()),
    onChange: () => void changes++,
    async secretValue(secret) {
      const found = values.get(secret);
      if (found === undefined) throw new AppError('not_found', 'There is no such secret.');
      return new Secret(found);
    },
  });
  const ofSessions = it.createService(async (input: SessionId) => {
    if (input !== id) throw new AppError('session_not_found', 'There is no such session.');
  });
  const ofProjects = it.createService(async (_: string) => {});
  return { it, store, learned, changes: () => changes, ofSessions, ofProjects };
}
const code = (thrown: unknown) => (thrown instanceof AppError ? thrown.code : thrown);

test('a value can be used and not read: no answer and no record has it in clear', async () => {
  const { it, store, learned, ofSessions } = ring();
  const put = await ofSessions.put(id, api, value);
  expect([put, await ofSessions.list(id)]).toEqual([{ ...api, createdAt: 0 }, [put]]);
  expect(JSON.stringify(await store.records.list('credential'))).not.toContain('a-real-value');
  expect((await it.value({ holder: id, name: 'api' })).reveal()).toBe('a-real-value');
  expect(learned).toContain('a-real-value');
});

test("a session's own credentials come before its project's", async () => {
  const { it, ofSessions, ofProjects } = ring();
  await ofProjects.put(project, api, value);
  await ofSessions.put(id, { ...api, name: 'mine' }, value);
  const holders = async (projectId: string | null) =>
    (await it.inForce({ id, projectId })).map(({ holder, name }) => `${holder} ${name}`);
  expect([await holders(project), await holders(null)]).toEqual([[`${id} mine`, `${project} api`], [`${id} mine`]]);
});

test('a second value for the same header of a host, or the same variable, is a conflict that names the first', async () => {
  const { ofSessions } = ring();
  await ofSessions.put(id, api, value);
  const put = (more: object) => ofSessions.put(id, { ...api, name: 'b', ...more }, value);
  await expect(put({ env: [] })).rejects.toThrow("The credential 'api' already sets x-api-key of api.example");
  await expect(put({ hosts: ['b.example'] })).rejects.toThrow('the variable API_KEY');
  await ofSessions.put(id, { ...api, hosts: ['b.example'] }, value); // its own place does not conflict with itself
});

test.each([
  ['short', 'seven77'],
  ['long', 'x'.repeat(8_193)],
  ['with a line break', 'two lines\nof text'],
])('a value that is too %s is refused, and not repeated', async (_, text) => {
  const refused = ring().ofSessions.put(id, api, new Secret(text));
  expect(await refused.catch(code)).toBe('invalid_request');
  await expect(refused).rejects.not.toThrow(text.slice(0, 7));
});

test('a holder takes 50 credentials', async () => {
  const { ofSessions } = ring();
  for (let n = 0; n < 50; n++) await ofSessions.put(id, { ...api, name: `n${n}`, hosts: [`h${n}`], env: [] }, value);
  expect(await ofSessions.put(id, api, value).catch(code)).toBe('conflict');
});

test('a revoked credential no longer has a value, and each change is reported', async () => {
  const { it, ofSessions, changes } = ring();
  await ofSessions.put(id, api, value);
  await ofSessions.revoke(id, 'api');
  expect([changes(), await it.value({ holder: id, name: 'api' }).catch(code)]).toEqual([2, 'not_found']);
  expect(await ofSessions.revoke(id, 'api').catch(code)).toBe('not_found');
});

test('an unknown session has none and takes none', async () => {
  const { ofSessions } = ring();
  const nobody = SessionId.parse('fedcba9876543210');
  expect(await ofSessions.put(nobody, api, value).catch(code)).toBe('session_not_found');
  expect(await ofSessions.list(nobody).catch(code)).toBe('session_not_found');
  expect(await ofSessions.revoke(nobody, 'api').catch(code)).toBe('session_not_found');
});

test("the removal of a session takes its credentials, and that of a project the project's", async () => {
  const { it, store, ofSessions, ofProjects } = ring();
  await ofSessions.put(id, api, value);
  await ofProjects.put(project, api, value);
  await store.events.erase(id);
  expect((await store.records.list('credential')).map((record) => record.id)).toEqual([`${project}:api`]);
  await it.forget(project);
  expect(await store.records.count('credential')).toBe(0);
});

test('a new encryption key takes the credentials over, and one that is missing is found at the start', async () => {
  const { store, ofSessions } = ring();
  await ofSessions.put(id, api, value);
  const missing = ring([newKey], store).it.verify();
  await expect(missing).rejects.toThrow(new RegExp(`credentials ${id}:api .* not configured`));
  expect(await ring([newKey, oldKey], store).it.rotate()).toEqual({ rewrapped: 1, remaining: 0 });
  const after = ring([newKey], store);
  await after.it.verify();
  expect((await after.it.value({ holder: id, name: 'api' })).reveal()).toBe('a-real-value');
});

test('a credential with a secret of programs takes the value that it has by then, and none once it is deleted', async () => {
  const values = new Map([['sec_1', 'first-value']]);
  const { it, ofSessions, store } = ring([oldKey], createInMemoryStore(), values);
  const uses = { secret: 'sec_1', before: 'Token ', after: '' };
  const bound = await ofSessions.bind(id, api, uses);
  expect([bound.uses, (await ofSessions.list(id))[0]?.uses]).toEqual([uses, uses]);
  const now = async () => (await it.value({ holder: id, name: 'api' })).reveal();
  expect(await now()).toBe('first-value');
  values.set('sec_1', 'second-value');
  expect(await now()).toBe('second-value');
  expect(JSON.stringify(await store.records.list('credential'))).not.toContain('-value');
  values.clear();
  expect(await now().catch(code)).toBe('not_found');
  expect(await ofSessions.bind(id, { ...api, name: 'b' }, { ...uses, secret: 'sec_2' }).catch(code)).toBe('not_found');
});
