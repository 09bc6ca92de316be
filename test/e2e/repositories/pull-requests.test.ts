import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SessionId } from '../../../src/core/model/ids.ts';
import { openClient } from '../../support/clients/trpc.ts';
import { type GitServer, gitServer } from '../../support/egress/git-server.ts';
import { type FakeForge, fakeForge } from '../../support/forges/fake-forge.ts';
import { filesUnder, formsOf, insideOf } from '../../support/hostile/canaries.ts';
import { realServer } from '../../support/servers/real-server.ts';
import { worlds } from '../../support/worlds.ts';

const secret = 'canary-of-a-forge-51c0e7a2f8';
const processWorld = worlds.find(({ driver }) => driver === 'process') as (typeof worlds)[number];
let forge: FakeForge;
let git: GitServer;
beforeAll(async () => {
  forge = await fakeForge('gitea', { owner: 'team', name: 'totals' });
  git = await gitServer('bot', secret, forge.handle);
});
afterAll(async () => {
  await git?.[Symbol.asyncDispose]();
  await forge?.[Symbol.asyncDispose]();
});

test('from a private repository to a pull request, and its feedback back to the agent, without the token in a sandbox', {
  timeout: 240_000,
}, async (context) => {
  git.make('team/totals', { 'sum.js': 'twice\n', 'sum.test.js': 'grep -qx once sum.js\n' });
  forge.content.tokens.set(secret, 'ada');
  await using real = await realServer(context, processWorld, {
    CORRAL_EGRESS_POLICY: 'allow-list',
    CORRAL_EGRESS_ALLOW: git.at,
    CORRAL_EGRESS_ALLOW_RANGES: '127.0.0.0/8',
    CORRAL_EXTRA_CA: git.certificate,
    CORRAL_FORGES_SERVERS: `gitea=https://${git.at}`,
    LOG_LEVEL: 'trace',
  });
  using client = openClient(real.server.url, 'ws');
  const { id: projectId } = await client.projects.create.mutate({ name: 'Totals' });
  const bound = { projectId, name: 'forge', hosts: [git.at], git: 'write' as const, user: 'bot', value: secret };
  await client.projectCredentials.put.mutate(bound);
  const repositories = [{ url: git.urlOf('team/totals') }];
  const { id } = await client.sessions.create.mutate({ projectId, title: 'Sum once', repositories });
  const of = { sessionId: id, path: 'totals' };
  const repository = async () => (await client.repositories.list.query({ sessionId: id }))[0];
  await expect.poll(async () => (await repository())?.state, { timeout: 90_000 }).toBe('ready');
  const branch = (await repository())?.branch ?? '';

  const wish = { ...of, title: 'Sum once', text: 'It was twice.' };
  expect(await client.pullRequests.state.query(of)).toMatchObject({ pullRequest: null, forge: { label: 'Gitea' } });
  await client.sandbox.exec.mutate({
    sessionId: id,
    command: 'cd totals && echo once > sum.js && echo new > notes.md',
  });
  await expect(client.pullRequests.open.mutate(wish)).rejects.toThrow(/2 files have changes that no commit has/);
  await client.repositories.commit.mutate({ ...of, message: 'Sum once' });
  forge.content.branches.add(branch); // the forge sees it with the push
  const opened = await client.pullRequests.open.mutate(wish);
  expect(opened).toMatchObject({ number: 1, author: 'ada', base: 'main', head: { branch }, state: 'open' });
  expect(opened.url).toBe(`https://${git.at}/team/totals/pulls/1`);
  expect(git.git('team/totals', 'show', `${branch}:sum.js`)).toBe('once\n');
  expect(real.factsOf(id, 'repository').at(-1)?.data).toMatchObject({ kind: 'proposed', branch });

  forge.content.comments.push({ pull: 1, author: 'eve', text: 'Why\nonce?', place: { path: 'sum.js', line: 1 } });
  expect(await client.pullRequests.state.query(of)).toMatchObject({ unsent: 1 });
  expect(await client.pullRequests.sendFeedback.mutate(of)).toMatchObject({ sent: 1 });
  const [said] = real.factsOf(id, 'message.user');
  expect(said?.data.text).toContain('Comment of eve on sum.js, line 1:\n> Why\n> once?');
  await expect(client.pullRequests.sendFeedback.mutate(of)).rejects.toThrow(/no feedback/);

  const reading = { projectId, repositories: [{ url: git.urlOf('team/totals'), access: 'read' as const }] };
  const reader = await client.sessions.create.mutate(reading);
  const ofReader = { sessionId: reader.id, path: 'totals' };
  const readerState = async () => (await client.repositories.list.query({ sessionId: reader.id }))[0]?.state;
  await expect.poll(readerState, { timeout: 90_000 }).toBe('ready');
  await expect(client.pullRequests.open.mutate({ ...wish, ...ofReader })).rejects.toThrow(/may only read/);

  const found: string[] = [];
  const canaries = [secret, `bot:${secret}`].flatMap((value) => formsOf(value));
  const look = (path: string, text: string) => {
    if (canaries.some((form) => text.includes(form))) found.push(path);
  };
  for (const sessionId of [id, reader.id] as SessionId[]) {
    for await (const { path, text } of insideOf(processWorld, sessionId)) look(path, text);
    look('the events', JSON.stringify(real.log(sessionId)));
  }
  for await (const { path, text } of filesUnder(real.server.data)) look(path, text);
  look('the log', real.server.output());
  const processes = 'ps axww; cat /proc/*/environ 2>/dev/null | tr "\\0" "\\n"';
  look('the processes', (await client.sandbox.exec.mutate({ sessionId: id, command: processes })).stdout);
  expect(found).toEqual([]);
});
