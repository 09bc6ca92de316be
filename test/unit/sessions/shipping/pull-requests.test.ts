import { expect, onTestFinished, test } from 'vitest';
import { SessionId } from '../../../../src/core/model/ids.ts';
import { RepositoryInput, type SessionRepository, toSessionRepository } from '../../../../src/core/model/repository.ts';
import { Secret } from '../../../../src/core/text/secret.ts';
import { parseForgeServer } from '../../../../src/forges/list.ts';
import type { RepositoryStatus } from '../../../../src/sessions/api/repositories.ts';
import { createPullRequestService, type ForgeTokenFinder } from '../../../../src/sessions/shipping/pull-requests.ts';
import { createInMemoryStore } from '../../../../src/storage/memory/store.ts';
import { fakeForge } from '../../../support/forges/fake-forge.ts';

const id = SessionId.parse('0123456789abcdef');
const signal = new AbortController().signal;
const head = 'a'.repeat(40);
const command = { title: 'Sum once', text: 'Why', draft: false };

interface World {
  readonly repository?: Partial<SessionRepository>;
  readonly token?: string | null;
  readonly status?: Partial<RepositoryStatus>;
}
async function world({ repository = {}, token = 'token-of-ada', status = {} }: World = {}) {
  const fake = await fakeForge('gitea');
  onTestFinished(() => fake[Symbol.asyncDispose]());
  fake.content.tokens.set('token-of-ada', 'ada');
  const done: string[] = [];
  const found: SessionRepository = {
    ...toSessionRepository(RepositoryInput.parse({ url: `${fake.url}/acme/totals.git` })),
    ...{ access: 'write', state: 'ready', branch: 'corral/sum', baseBranch: 'main', baseCommit: 'b'.repeat(40) },
    ...repository,
  };
  const requests: Parameters<ForgeTokenFinder>[1][] = [];
  const service = createPullRequestService({
    repositories: {
      list: async () => [found],
      status: async () => ({
        ...{ branch: 'corral/sum', head, ahead: 1, commits: [], files: [], truncated: false },
        ...status,
      }),
      async push() {
        done.push('pushed');
        fake.content.branches.add('corral/sum');
        return { url: found.url, branch: 'corral/sum', commit: head };
      },
    },
    sessions: {
      async send(_, { text }) {
        done.push(`sent ${text}`);
        return { messageId: 'm', runId: 'r', seq: 1 } as never;
      },
    },
    commands: { tell: (_: unknown, { data }: { data: { detail: string } }) => void done.push(data.detail) } as never,
    records: createInMemoryStore().records,
    servers: [parseForgeServer(`gitea=${fake.url}`)],
    async tokens(_, choice) {
      requests.push(choice);
      return token === null ? undefined : new Secret(token);
    },
    fetch,
    now: () => 0,
  });
  return { fake, service, done, requests };
}

test('a pull request is opened after the push, and its event names it', async () => {
  const { fake, service, done, requests } = await world();
  const opened = await service.open(id, 'totals', command, signal);
  expect(opened).toMatchObject({ number: 1, author: 'ada', base: 'main', head: { branch: 'corral/sum' } });
  expect(done).toEqual(['pushed', `Opened pull request #1: ${fake.url}/acme/totals/pulls/1`]);
  expect(requests).toEqual([{ remote: `${fake.url}/acme/totals.git`, apiUrl: `${fake.url}/api/v1`, access: 'write' }]);
});

test('a pull request that is open already gets the new commits and is the answer', async () => {
  const { fake, service, done } = await world();
  await service.open(id, 'totals', command, signal);
  expect(await service.open(id, 'totals', { ...command, title: 'Other' }, signal)).toMatchObject({ title: 'Sum once' });
  expect(fake.content.pulls).toHaveLength(1);
  expect(done.filter((what) => what === 'pushed')).toHaveLength(2);
});

const changed = { path: 'a', change: 'modified' as const, from: null };
test.each([
  ['files without a commit', { status: { files: [changed] } }, 'conflict'],
  ['a session that may only read', { repository: { access: 'read' as const } }, 'forbidden'],
  ['no credential', { token: null }, 'forbidden'],
  ['a credential that the forge refuses', { token: 'unknown-token' }, 'forbidden'],
  ['a host that is no forge', { repository: { url: 'https://example.org/acme/totals.git' } }, 'unsupported'],
  ['a repository that is not fetched', { repository: { state: 'waiting' as const, branch: null } }, 'conflict'],
])('%s opens nothing', async (_, input, code) => {
  const { fake, service } = await world(input);
  await expect(service.open(id, 'totals', command, signal)).rejects.toMatchObject({ code });
  expect(fake.content.pulls).toEqual([]);
});

test('a folder without a repository is not found', async () => {
  const { service } = await world();
  await expect(service.state(id, 'elsewhere', signal)).rejects.toMatchObject({ code: 'not_found' });
});

test('feedback is sent once, and what is new after it again', async () => {
  const { fake, service, done } = await world();
  expect(await service.state(id, 'totals', signal)).toMatchObject({ pullRequest: null, unsent: 0 });
  await service.open(id, 'totals', command, signal);
  await expect(service.sendFeedback(id, 'totals', signal)).rejects.toMatchObject({ code: 'conflict' });
  fake.content.comments.push({ pull: 1, author: 'bob', text: 'Why twice?', place: { path: 'sum.ts', line: 3 } });
  fake.content.checks.push({ commit: head, name: 'unit', status: 'failed', summary: '2 failed' });
  const expected = { unsent: 2, reviews: [], forge: { label: 'Gitea' } };
  expect(await service.state(id, 'totals', signal)).toMatchObject(expected);
  expect(await service.sendFeedback(id, 'totals', signal)).toEqual({ sent: 2, runId: 'r' });
  expect(done.at(-1)).toContain('Comment of bob on sum.ts, line 3:\n> Why twice?');
  expect(await service.state(id, 'totals', signal)).toMatchObject({ unsent: 0 });
  fake.content.comments.push({ pull: 1, author: 'eve', text: 'And here?' });
  expect(await service.sendFeedback(id, 'totals', signal)).toMatchObject({ sent: 1 });
  expect(done.at(-1)).not.toContain('Why twice?');
});

test('two callers at once send feedback once', async () => {
  const { fake, service, done } = await world();
  await service.open(id, 'totals', command, signal);
  fake.content.comments.push({ pull: 1, author: 'bob', text: 'Why twice?' });
  const both = [service.sendFeedback(id, 'totals', signal), service.sendFeedback(id, 'totals', signal)];
  expect((await Promise.allSettled(both)).map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
  expect(done.filter((what) => what.startsWith('sent'))).toHaveLength(1);
});
