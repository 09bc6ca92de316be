import { expect, test } from 'vitest';
import { SessionId } from '../../../../../src/core/model/ids.ts';
import { RepositoryInput } from '../../../../../src/core/model/repository.ts';
import { createSessionCreator } from '../../../../../src/sessions/services/sessions/creation.ts';
import { manualClock } from '../../../../support/machines/manual-clock.ts';

const repository = (url: string) => RepositoryInput.parse({ url });
const id = SessionId.parse('0123456789abcdef');

/** Creates sessions whose template has the repository `own`, and returns the addresses of their repositories. */
async function urlsOf(command: object) {
  const taken: unknown[] = [];
  const { create } = createSessionCreator({
    log: { append: async () => {} } as never,
    supervisor: { wake: () => {} },
    clock: manualClock(),
    ids: { sessionId: () => id } as never,
    templateFor: async () => ({ template: 'backend', brings: [repository('https://example.org/team/own.git')] }),
    forks: {} as never,
    handFiles: async () => ({ blob: 'b' }),
    ready: { take: (session) => void taken.push(session.repositories?.map(({ path }) => path)), giveUp: () => {} },
    stored: async () => ({}) as never,
  });
  const made = await create({ origin: 'trpc', ...command });
  return { urls: (made.repositories ?? []).map(({ url }) => url), template: made.template, made, taken };
}

test('a session begins with the repositories of its template, also where a workspace lies ready for them', async () => {
  const { urls, template, made, taken } = await urlsOf({});
  expect([urls, template, taken]).toEqual([['https://example.org/team/own.git'], 'backend', [['own']]]);
  expect(made).not.toHaveProperty('brings');
});

test('the repositories that its creator names replace them, and an empty list means none', async () => {
  const other = { repositories: [repository('https://example.org/team/other.git')] };
  expect((await urlsOf(other)).urls).toEqual(['https://example.org/team/other.git']);
  expect((await urlsOf({ repositories: [] })).urls).toEqual([]);
});

test('a session that begins with the files of a snapshot, and a child of another session, get none', async () => {
  expect((await urlsOf({ startsFrom: { blob: 'a', sha256: 'x' } })).urls).toEqual([]);
  expect((await urlsOf({ sameAgent: { template: 'backend' } })).urls).toEqual([]);
});
