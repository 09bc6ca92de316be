// @module-tag all
// One suite for every forge, against fakes that check each request, and their own answers, by the forge's published schema.
import { afterEach, describe, expect, onTestFinished, type TestContext, test } from 'vitest';
import { Secret } from '../../../src/core/text/secret.ts';
import { createForgeHttp } from '../../../src/forges/forge-http.ts';
import { forgeKinds } from '../../../src/forges/list.ts';
import { createGuardedFetch } from '../../../src/sandboxes/egress/fetch/guarded-fetch.ts';
import type { ApiSchema } from '../../support/forges/api-schema.ts';
import { fakeForge } from '../../support/forges/fake-forge.ts';
import type { ForgeName } from '../../support/forges/forge-content.ts';
import { publishedSchemas } from '../../support/forges/published-schemas.ts';
import { needs } from '../../support/servers/components.ts';

const token = 'forge-canary-7f3a9c';
const connect = createGuardedFetch({ addresses: { allowRanges: ['127.0.0.0/8'] } });
const signal = new AbortController().signal;
const commit = 'a'.repeat(40);

test('every kind of forge has a published schema here', () => {
  expect(Object.keys(publishedSchemas).sort()).toEqual(forgeKinds.map(({ name }) => name).sort());
});

describe.each(forgeKinds)('$label', (kind) => {
  let schema: Promise<ApiSchema> | undefined;
  let problems: string[] = [];
  afterEach(() => expect(problems).toEqual([]));

  async function repository(context: TestContext, { as = token } = {}) {
    await needs(context, 'registries');
    await needs(context, 'go');
    schema ??= publishedSchemas[kind.name as ForgeName]();
    const owner = kind.name === 'gitlab' ? 'acme/tools' : 'acme'; // only GitLab has nested groups
    const fake = await fakeForge(kind.name as ForgeName, { schema: await schema, owner });
    onTestFinished(() => fake[Symbol.asyncDispose]());
    problems = fake.problems;
    fake.content.tokens.set(token, 'ada');
    fake.content.branches.add('topic');
    const server = { kind, webUrl: fake.url };
    const http = createForgeHttp({ server, token: new Secret(as), fetch: connect, now: () => Date.UTC(2026, 0, 1) });
    return { fake, forge: kind.open({ server, owner, name: 'totals' }, http) };
  }
  const expected = { title: 'Sum twice', text: 'Why: *once* was wrong.', head: 'topic', base: 'main', draft: false };

  test("a pull request is opened in the name of the token's owner", { tags: ['nightly'] }, async (context) => {
    const { fake, forge } = await repository(context);
    const opened = await forge.openPullRequest(expected, signal);
    expect(opened).toMatchObject({
      number: 1,
      title: 'Sum twice',
      state: 'open',
      draft: false,
      author: 'ada',
      base: 'main',
    });
    expect(opened).toMatchObject({ text: expected.text, head: { branch: 'topic', commit } });
    expect(opened.url.startsWith(`${fake.url}/${fake.content.owner}/totals/`)).toBe(true);
    expect(await forge.pullRequest(1, signal)).toEqual(opened);
  });

  test('a draft is one', async (context) => {
    const { forge } = await repository(context);
    expect(await forge.openPullRequest({ ...expected, draft: true }, signal)).toMatchObject({ draft: true });
  });

  test('a second one of the same branch is a conflict, in the words of the forge', async (context) => {
    const { forge } = await repository(context);
    await forge.openPullRequest(expected, signal);
    await expect(forge.openPullRequest(expected, signal)).rejects.toMatchObject({
      code: 'conflict',
      publicMessage: expect.stringContaining('already exists'),
    });
  });

  test('a branch that the forge does not have is refused', async (context) => {
    const { forge } = await repository(context);
    await expect(forge.openPullRequest({ ...expected, head: 'unknown' }, signal)).rejects.toMatchObject({
      code: 'invalid_request',
    });
  });

  test('a pull request is found by its branch, an open one before newer ones', async (context) => {
    const { fake, forge } = await repository(context);
    expect(await forge.findPullRequest('topic', signal)).toBeUndefined();
    await forge.openPullRequest(expected, signal);
    fake.content.pulls.push({
      ...(fake.content.pulls[0] as (typeof fake.content.pulls)[0]),
      number: 2,
      state: 'closed',
    });
    expect(await forge.findPullRequest('topic', signal)).toMatchObject({ number: 1, state: 'open' });
    for (const pull of fake.content.pulls) pull.state = 'merged';
    expect(await forge.findPullRequest('topic', signal)).toMatchObject({ number: 2, state: 'merged' });
    expect(await forge.findPullRequest('main', signal)).toBeUndefined();
  });

  test('comments on the whole and on lines come in the order they were written, from all pages', async (context) => {
    const { fake, forge } = await repository(context);
    await forge.openPullRequest(expected, signal);
    for (let index = 0; index < 120; index += 1)
      fake.content.comments.push({ pull: 1, author: 'bob', text: `Remark ${index}` });
    fake.content.comments.push({ pull: 1, author: 'eve', text: 'Why?', place: { path: 'src/a b.ts', line: 12 } });
    fake.content.comments.push({ pull: 2, author: 'eve', text: 'Elsewhere' });
    const { items, isCut } = await forge.comments(1, signal);
    expect([isCut, items.length]).toEqual([false, 121]);
    expect(items[7]).toMatchObject({ author: 'bob', text: 'Remark 7', place: null, status: 'open' });
    expect(items[120]).toMatchObject({ author: 'eve', text: 'Why?', place: { path: 'src/a b.ts', line: 12 } });
    expect(new Set(items.map(({ id }) => id)).size).toBe(121);
  });

  test('reviews come with their verdicts, without those that are not submitted', async (context) => {
    const { fake, forge } = await repository(context);
    await forge.openPullRequest(expected, signal);
    fake.content.reviews.push(
      { pull: 1, author: 'bob', verdict: 'changes_requested', text: 'Not yet.' },
      { pull: 1, author: 'eve', verdict: 'approved', text: 'Good.' },
      { pull: 1, author: 'dan', verdict: 'commented', text: 'Hm.' },
    );
    const { items } = await forge.reviews(1, signal);
    expect(Object.fromEntries(items.map(({ author, verdict }) => [author, verdict]))).toEqual({
      bob: 'changes_requested',
      eve: 'approved',
      dan: 'commented',
    });
  });

  test('checks of a commit come with their results', async (context) => {
    const { fake, forge } = await repository(context);
    fake.content.checks.push(
      { commit, name: 'unit', status: 'failed', summary: '2 of 40 failed' },
      { commit, name: 'lint', status: 'passed', summary: '' },
      { commit, name: 'e2e', status: 'running', summary: '' },
      { commit: 'c'.repeat(40), name: 'unit', status: 'passed', summary: '' },
    );
    const { items } = await forge.checks(commit, signal);
    const expected = ['unit failed 2 of 40 failed', 'lint passed', 'e2e running'];
    expect(items.map(({ name, status, summary }) => `${name} ${status} ${summary}`.trim())).toEqual(expected);
  });

  test('the branch that pull requests go to is known', async (context) => {
    expect(await (await repository(context)).forge.defaultBranch(signal)).toBe('main');
  });

  test('a token that is not known is refused without being repeated', async (context) => {
    const { forge } = await repository(context, { as: 'unknown-token-1234' });
    const refused = await forge.pullRequest(1, signal).catch((thrown: Error) => thrown);
    expect(refused).toMatchObject({ code: 'forbidden', publicMessage: expect.stringMatching(/Store a valid one/) });
    expect(JSON.stringify(refused) + String(refused)).not.toContain('unknown-token-1234');
  });

  test('what does not exist is not found', async (context) => {
    await expect((await repository(context)).forge.pullRequest(9, signal)).rejects.toMatchObject({ code: 'not_found' });
  });

  test('a limit of requests says when to try again', async (context) => {
    const { fake, forge } = await repository(context);
    fake.answerNext((res) => res.writeHead(429, { 'retry-after': '30' }).end('{}'));
    await expect(forge.pullRequest(1, signal)).rejects.toMatchObject({
      code: 'rate_limited',
      retryAfterMs: 30_000,
      publicMessage: expect.stringContaining('in 30 seconds'),
    });
    const reset = String(Date.UTC(2026, 0, 1) / 1_000 + 60);
    fake.answerNext((res) =>
      res.writeHead(403, { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': reset }).end('{}'),
    );
    await expect(forge.pullRequest(1, signal)).rejects.toMatchObject({ code: 'rate_limited', retryAfterMs: 60_000 });
  });

  test('a redirect takes the token nowhere', async (context) => {
    const { fake, forge } = await repository(context);
    await using other = await fakeForge('gitea');
    fake.answerNext((res) => res.writeHead(301, { location: `${other.url}/stolen` }).end());
    await expect(forge.pullRequest(1, signal)).rejects.toMatchObject({ code: 'not_found' });
    expect(other.requests).toEqual([]);
  });

  test('an answer that is too long, no JSON or of another form is refused', async (context) => {
    const { fake, forge } = await repository(context);
    fake.answerNext((res) => res.writeHead(200).end(`"${'x'.repeat(5 * 2 ** 20)}"`));
    await expect(forge.pullRequest(1, signal)).rejects.toMatchObject({ code: 'payload_too_large' });
    fake.answerNext((res) => res.writeHead(200).end('<html>'));
    await expect(forge.pullRequest(1, signal)).rejects.toMatchObject({ code: 'provider_error' });
    fake.answerNext((res) => res.writeHead(200).end('{"number":"1"}'));
    await expect(forge.pullRequest(1, signal)).rejects.toMatchObject({ code: 'provider_error' });
  });

  test('an error page that repeats the token is reported without it', async (context) => {
    const { fake, forge } = await repository(context);
    fake.answerNext((res) => res.writeHead(500).end(JSON.stringify({ message: `bad\n header ${token}` })));
    const failed = await forge.pullRequest(1, signal).catch((thrown: Error) => thrown);
    const expected = { code: 'provider_error', publicMessage: expect.stringContaining('bad header [secret]') };
    expect(failed).toMatchObject(expected);
  });

  test('a request that is cancelled ends at once', async (context) => {
    const { fake, forge } = await repository(context);
    const stop = new AbortController();
    fake.answerNext(() => stop.abort());
    await expect(forge.pullRequest(1, stop.signal)).rejects.toMatchObject({ code: 'cancelled' });
  });

  test('a server at a private address is not called unless the operator lists it', async (context) => {
    const { fake } = await repository(context);
    const server = { kind, webUrl: fake.url };
    const http = createForgeHttp({ server, token: new Secret(token), fetch: createGuardedFetch(), now: () => 0 });
    const forge = kind.open({ server, owner: 'acme', name: 'totals' }, http);
    await expect(forge.pullRequest(1, signal)).rejects.toMatchObject({ code: 'forbidden' });
    expect(fake.requests).toEqual([]);
  });
});
