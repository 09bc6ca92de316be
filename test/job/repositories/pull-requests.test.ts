// @module-tag nightly
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SessionId } from '../../../src/core/model/ids.ts';
import { axeFinds, wide } from '../../page/ui/desk.ts';
import { fakeRefs } from '../../support/agents/fake-models/models.ts';
import { fakeKey, fakeProvider } from '../../support/agents/fake-models/server.ts';
import { isPlanned } from '../../support/agents/fake-models/wire-format.ts';
import { browse } from '../../support/clients/browser.ts';
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
  git.make('team/totals', { 'sum.js': 'twice\n', 'sum.test.js': 'grep -qx once sum.js\n' });
});
afterAll(async () => {
  await git?.[Symbol.asyncDispose]();
  await forge?.[Symbol.asyncDispose]();
});

test('from a private repository to a pull request, and its feedback back to the agent, without the token in a sandbox', async (context) => {
  forge.content.tokens.set(secret, 'ada');
  await using real = await realServer(context, processWorld, {
    ...git.settings,
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
  await expect.poll(async () => (await repository())?.state).toBe('ready');
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
  await expect.poll(readerState).toBe('ready');
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

test('an agent opens a pull request, once a person has read and mended it in the page, where its work can be compared and taken back', async (context) => {
  forge.content.tokens.set(secret, 'ada');
  const commit = 'cd totals && echo once > sum.js && git commit -qam "Sum once"';
  const proposal = { title: 'sum', text: 'It was twice.' };
  const isOffered = (body: { tools?: { function: { name: string } }[] }) =>
    (body.tools ?? []).some(({ function: { name } }) => name === 'open_pull_request');
  await using provider = await fakeProvider('compatible', (request) => {
    const { body } = request;
    const { messages } = body;
    if (!isPlanned(request)) return { calls: [{ name: 'make_plan', args: { title: 'Sum', steps: ['Mend it'] } }] };
    const results = messages.filter(({ role }: { role: string }) => role === 'tool').length;
    if (!isOffered(body)) return { text: 'There is no such tool.' };
    if (results === 1) return { calls: [{ name: 'shell_exec', args: { id: 'main', command: commit } }] };
    return results === 2 ? { calls: [{ name: 'open_pull_request', args: proposal }] } : { text: 'It is open.' };
  });
  await using real = await realServer(context, processWorld, {
    ...git.settings,
    CORRAL_FORGES_SERVERS: `gitea=https://${git.at}`,
    CORRAL_MODEL: fakeRefs.compatible,
    CORRAL_MODELS_COMPATIBLE: JSON.stringify({ local: { 'base-url': provider.url, 'api-key': fakeKey } }),
  });
  using client = openClient(real.server.url, 'ws');
  const bare = await client.sessions.create.mutate({ task: 'Open a pull request' });
  await expect.poll(() => real.factsOf(bare.id as SessionId, 'run.end').length).toBe(1);
  expect(provider.requests.some(({ body }) => isOffered(body))).toBe(false);

  const repositories = [{ url: git.urlOf('team/totals') }];
  const created = await real.client.ask('PUT', '', { repositories, author: { name: 'Ada', email: 'ada@example.org' } });
  const { session_id: id } = created.body.data as { session_id: string };
  expect(await client.sessions.get.query({ id })).toMatchObject({ repositories: [{ path: 'totals' }] });
  await client.sessionCredentials.put.mutate({
    ...{ sessionId: id, name: 'forge', hosts: [git.at] },
    ...{ git: 'write', user: 'bot', value: secret },
  });
  const stateOf = async () => (await client.repositories.list.query({ sessionId: id }))[0]?.state;
  await expect.poll(stateOf).not.toBe('waiting');
  const path = 'totals'; // the fetch can have begun before the credential was there
  if ((await stateOf()) === 'failed') await client.repositories.fetch.mutate({ sessionId: id, path });
  await client.runs.send.mutate({ sessionId: id, text: 'Sum once, and open a pull request' });
  const asked = () => real.factsOf(id, 'approval.requested').map(({ data }) => data);
  await expect.poll(() => asked().length).toBe(1);
  expect(asked()[0]).toMatchObject({ function: 'open_pull_request', args: proposal });
  const before = forge.content.pulls.length;
  const [repository] = await client.repositories.list.query({ sessionId: id });
  forge.content.branches.add(repository?.branch ?? '');
  const mended = { ...proposal, title: 'Sum every line once' };
  const { page, complaints } = await browse(context, wide);
  await page.goto(`${real.server.url}/#${id}`);
  const card = page.getByRole('group', { name: 'Approval' }).last();
  await card.getByRole('heading', { name: proposal.title, exact: true }).waitFor();
  await card.getByText(proposal.text).waitFor();
  await card.getByRole('button', { name: 'Edit before it runs' }).click();
  await card.getByRole('textbox', { name: 'Title' }).fill(mended.title);
  expect(await card.getByRole('textbox', { name: 'Description' }).inputValue()).toBe(proposal.text);
  expect(await axeFinds(page)).toEqual([]);
  await card.getByRole('button', { name: 'Run it like this' }).click();
  await expect.poll(() => real.factsOf(id, 'run.end').length).toBe(1);
  const [called] = real.factsOf(id, 'tool.called').filter(({ data }) => data.function === 'open_pull_request');
  expect(called?.data).toMatchObject({ success: true, tool: 'git' });
  expect(called?.data.output).toMatch(/^Pull request #\d+ from corral\/.* into main is open: https:\/\//);
  expect(forge.content.pulls.slice(before)).toMatchObject([{ ...mended, author: 'ada', head: repository?.branch }]);
  expect(git.git('team/totals', 'show', `${repository?.branch}:sum.js`)).toBe('once\n');
  const state = await real.client.ask('GET', `/${id}/pull-requests?path=totals`);
  expect(state.body.data).toMatchObject({ pullRequest: { title: 'Sum every line once', state: 'open' }, unsent: 0 });

  await page.getByRole('tab', { name: 'Ship' }).click();
  const checkpoints = page.getByRole('region', { name: 'Checkpoints' });
  const refresh = checkpoints.getByRole('button', { name: 'Read the checkpoints again' });
  const row = checkpoints.getByRole('listitem').filter({ hasText: 'Checkpoint 1' });
  const readAgain = () => refresh.click().then(() => row.count());
  await expect.poll(readAgain, { interval: 500 }).toBe(1);
  expect(await row.textContent()).toMatch(/after “Sum once, and open a pull request”.*files: 1/);
  await checkpoints.getByRole('button', { name: 'Compare: Checkpoint 0' }).click();
  await checkpoints.getByRole('combobox').selectOption('Checkpoint 1');
  await checkpoints.getByText('+ once').waitFor();
  await checkpoints.getByText('− twice').waitFor();
  expect(await axeFinds(page)).toEqual([]);
  await checkpoints.getByRole('button', { name: 'Restore: Checkpoint 0' }).click();
  const sum = async () => (await client.files.read.query({ sessionId: id, path: 'totals/sum.js' })).content;
  expect(await sum()).toBe('once\n'); // it asks first
  await page.getByRole('dialog').getByRole('button', { name: 'Restore' }).click();
  await expect.poll(sum).toBe('twice\n');
  await checkpoints.getByText('at a restore').first().waitFor();
  expect(complaints).toEqual([]);
  const wrong = await real.client.ask('PUT', '', { repositories: [{ url: 'git@git.example:team/totals' }] });
  expect(wrong).toMatchObject({ status: 400, body: { msg: expect.stringContaining('goes over SSH') } });
});
