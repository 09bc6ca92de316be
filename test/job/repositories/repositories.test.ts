import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SessionId } from '../../../src/core/model/ids.ts';
import { openClient } from '../../support/clients/trpc.ts';
import { type GitServer, gitServer } from '../../support/egress/git-server.ts';
import { filesUnder, formsOf, insideOf } from '../../support/hostile/canaries.ts';
import { realServer, worldServer } from '../../support/servers/real-server.ts';
import { temporaryFolder } from '../../support/stores/store.ts';
import { processWorld } from '../../support/worlds.ts';

const secret = 'canary-of-a-repository-7d20c1f4b9';
let git: GitServer;
beforeAll(async () => {
  git = await gitServer('bot', secret);
  git.make('public/no-setup', { '.corral/setup.sh': 'exit 3\n' });
});
afterAll(() => git?.[Symbol.asyncDispose]());

test('a session fetches its repositories; work is committed, pushed, patched', { tags: ['all'] }, async (context) => {
  git.make('public/one', { 'README.md': 'one\n', 'src/a.txt': 'a\n' }, (run) => {
    run('branch', 'release');
    run('tag', 'v1');
  });
  git.make('public/two', { 'two.txt': 'two\n' });
  await using real = await worldServer(context, processWorld, git.settings);
  using client = openClient(real.server.url, 'ws');
  const { id } = await client.sessions.create.mutate({
    title: 'Mend the totals, please',
    author: { name: 'Ada Example', email: 'ada@example.org' },
    repositories: [
      { url: git.urlOf('public/one') },
      { url: git.urlOf('public/two'), path: 'libs/second', depth: 1, access: 'read' },
      { url: git.urlOf('public/missing') },
    ],
  });
  const states = async () =>
    (await client.repositories.list.query({ sessionId: id })).map(({ path, state }) => `${path} ${state}`);
  await expect.poll(states).toEqual(['one ready', 'libs/second ready', 'missing failed']);
  const [one, two, missing] = await client.repositories.list.query({ sessionId: id });
  expect(one).toMatchObject({ branch: `corral/mend-the-totals-please-${id.slice(0, 8)}`, baseBranch: 'main' });
  expect(one?.baseCommit).toBe(git.git('public/one', 'rev-parse', 'main').trim());
  expect(missing?.error).toContain('has no repository');
  const kinds = real.factsOf(id, 'repository').map(({ data }) => `${data.path} ${data.kind}`);
  expect(kinds).toEqual([
    ...['one fetching', 'one ready', 'libs/second fetching', 'libs/second ready'],
    ...['missing fetching', 'missing failed'],
  ]);

  const of = (path: string) => ({ sessionId: id, path });
  const run = async (command: string) => {
    const { stdout, stderr, exitCode } = await client.sandbox.exec.mutate({ sessionId: id, command });
    return exitCode === 0 ? stdout.trim() : `${exitCode}: ${stdout}${stderr}`;
  };
  expect(await run('cat libs/second/two.txt; git -C one status --porcelain --branch')).toBe(`two\n## ${one?.branch}`);
  expect(await client.repositories.status.query(of('one'))).toMatchObject({ ahead: 0, files: [] });
  await expect(client.repositories.commit.mutate({ ...of('one'), message: 'Nothing' })).rejects.toThrow(/Nothing has/);

  // Settings that the agent writes into the repository do not affect a person's commands.
  const trap = 'touch "$HOME/trapped"; exit 1';
  await run(`cd one && echo changed > README.md && echo new > "a file" && rm src/a.txt && echo ignored > x.log
    echo '*.log' > .gitignore && echo '* filter=trap' > .git/info/attributes && echo '*.md filter=trap diff=trap' > .gitattributes
    for hook in pre-commit commit-msg post-commit pre-push reference-transaction post-index-change; do
      printf '#!/bin/sh\\n${trap}\\n' > .git/hooks/$hook; chmod +x .git/hooks/$hook; done
    git config filter.trap.clean '${trap}'; git config filter.trap.required true; git config diff.trap.textconv '${trap}'
    git config diff.external '${trap}'; git config core.fsmonitor '${trap}'; git config core.pager '${trap}'
    git config url.https://example.org/.pushInsteadOf https:// ; git config remote.origin.pushurl https://example.org/x`);
  const status = await client.repositories.status.query(of('one'));
  expect(status.files.map(({ path, change }) => `${change} ${path}`)).toEqual([
    ...['added .gitattributes', 'added .gitignore', 'modified README.md', 'added a file', 'deleted src/a.txt'],
  ]);
  const { text } = await client.repositories.diff.query({ ...of('one'), file: 'README.md' });
  expect(text).toContain('-one\n+changed');
  expect(text).not.toContain('a file');
  const first = await client.repositories.commit.mutate({ ...of('one'), message: 'Change one', files: ['README.md'] });
  expect(first.branch).toBe(one?.branch);
  const { commit } = await client.repositories.commit.mutate({ ...of('one'), message: 'Change the rest' });
  expect(await client.repositories.status.query(of('one'))).toMatchObject({
    ...{ head: commit, ahead: 2, files: [] },
    commits: [{ commit, subject: 'Change the rest' }, { subject: 'Change one' }],
  });
  expect(await client.repositories.push.mutate(of('one'))).toMatchObject({ branch: one?.branch, commit });
  expect(await run('ls "$HOME/trapped" 2>/dev/null; true')).toBe('');
  const shown = git.git(
    'public/one',
    'log',
    '--format=%an <%ae> %cn|%s|%(trailers:key=Corral-Session,valueonly,separator=)',
    `main..${one?.branch}`,
  );
  expect(shown.trim().split('\n')).toEqual([
    `Ada Example <ada@example.org> Ada Example|Change the rest|${id}`,
    `Ada Example <ada@example.org> Ada Example|Change one|${id}`,
  ]);
  expect(git.git('public/one', 'show', '--stat', '--format=', `${one?.branch}^`)).toMatch(/README\.md \|[^|]*1 file/);

  // The same over REST.
  const rest = async (method: string, path: string, body?: object) => {
    const { status, body: reply } = await real.client.ask(method, `/${id}${path}`, body);
    return { status, data: reply.data as unknown };
  };
  expect((await rest('GET', '/repositories')).data).toEqual({
    repositories: await client.repositories.list.query({ sessionId: id }),
  });
  expect(await rest('GET', '/repositories/status?path=one')).toMatchObject({ data: { head: commit, ahead: 2 } });
  const differs = await rest('GET', '/repositories/diff?path=one&file=README.md');
  expect(differs).toMatchObject({ data: { text: expect.stringContaining('-one\n+changed') } });
  expect(await rest('POST', '/repositories/push', { path: 'one' })).toMatchObject({ status: 200, data: { commit } });
  for (const [status, method, path, body] of [
    [409, 'POST', 'commit', { path: 'one', message: 'Nothing' }],
    [404, 'GET', 'status?path=nowhere', undefined],
    [400, 'GET', 'status', undefined],
    [400, 'GET', 'diff?path=one&since=--output=x', undefined],
    [400, 'POST', 'push', { path: 'one', branch: '--force' }],
    [400, 'POST', 'commit', { path: 'one', message: 'x', more: 1 }],
    [403, 'POST', 'push', { path: 'libs/second' }],
  ] as const)
    expect((await rest(method, `/repositories/${path}`, body)).status, `${method} ${path}`).toBe(status);

  const patch = await client.repositories.patch.query(of('one'));
  const mailbox = await fetch(`${real.server.url}/api/v1/sessions/${id}/repositories/patch?path=one`);
  expect(mailbox.headers.get('content-type')).toBe('text/x-patch; charset=utf-8');
  expect(await mailbox.text()).toBe(patch.text);
  using folder = temporaryFolder();
  const copy = folder.path;
  const local = (args: string[], input?: string) =>
    execFileSync('git', ['-c', 'user.name=B', '-c', 'user.email=b@example.org', ...args], {
      cwd: copy,
      encoding: 'utf8',
      ...(input !== undefined && { input }),
    });
  local(['init', '--quiet']);
  execFileSync('sh', ['-c', 'echo one > README.md; mkdir src; echo a > src/a.txt'], { cwd: copy });
  local(['add', '--all']);
  local(['commit', '--quiet', '-m', 'Begin']);
  local(['am', '--quiet'], patch.text);
  expect(local(['log', '--format=%s'])).toBe('Change the rest\nChange one\nBegin\n');

  // A push beyond the request, or to a repository that the session can only read, is refused.
  await run(
    "cd one && git -c core.hooksPath=/dev/null update-ref refs/heads/main HEAD && echo 'ref: refs/heads/main' > .git/HEAD && echo x > x.txt",
  );
  await client.repositories.commit.mutate({ ...of('one'), message: 'On main' });
  await expect(client.repositories.push.mutate(of('one'))).rejects.toThrow(/branch that others work on/);
  expect(two?.access).toBe('read');
  await expect(client.repositories.push.mutate(of('libs/second'))).rejects.toThrow(/may only read/);

  git.make('public/missing', { a: 'a' });
  expect(await client.repositories.fetch.mutate(of('missing'))).toMatchObject({ state: 'ready' });
  await expect(client.repositories.fetch.mutate(of('missing'))).rejects.toThrow(/already exists/);
  await expect(client.repositories.status.query(of('nowhere'))).rejects.toThrow(/no repository in the folder/);
});

test('a private repository opens by a credential that the sandbox never has', {
  tags: ['nightly'],
}, async (context) => {
  git.make('team/private', { 'README.md': 'private\n' });
  git.make('team/other', { 'README.md': 'other\n' });
  git.make('public/open', { 'README.md': 'open\n' });
  await using real = await realServer(context, processWorld, { ...git.settings, LOG_LEVEL: 'trace' });
  using client = openClient(real.server.url, 'ws');
  const { id: projectId } = await client.projects.create.mutate({ name: 'One' });
  const bound = { projectId, name: 'forge', hosts: [git.at], git: 'write' as const, user: 'bot', value: secret };
  await client.projectCredentials.put.mutate(bound);
  const repositories = [{ url: git.urlOf('team/private') }];
  const { id } = await client.sessions.create.mutate({ projectId, title: 'Private', repositories });
  const of = { sessionId: id, path: 'private' };
  const stateOf = async (sessionId: string) => (await client.repositories.list.query({ sessionId }))[0]?.state;
  await expect.poll(() => stateOf(id)).toBe('ready');
  const run = async (command: string, sessionId = id) => {
    const { stdout, stderr, exitCode } = await client.sandbox.exec.mutate({ sessionId, command });
    return `${exitCode}: ${stdout}${stderr}`;
  };

  // The agent itself pulls and pushes without a credential, and so does the service.
  expect(
    await run('cd private && echo a > a.txt && git add . && git commit -qm Agent && git push -q origin HEAD'),
  ).toMatch(/^0/);
  const [one] = await client.repositories.list.query({ sessionId: id });
  const branch = one?.branch ?? '';
  expect(
    git
      .git('team/private', 'log', '-1', '--format=%an|%(trailers:key=Corral-Session,valueonly,separator=)', branch)
      .trim(),
  ).toBe(`Corral|${id}`);
  await run('echo b > private/b.txt');
  await client.repositories.commit.mutate({ ...of, message: 'By a person' });
  await client.repositories.push.mutate(of);
  expect(git.git('team/private', 'log', '-1', '--format=%s', branch).trim()).toBe('By a person');

  // Other repositories of the host get no credential, even in odd spellings, and accept no push, even with a
  // credential.
  expect(await run(`git ls-remote ${git.urlOf('team/other')}`)).toMatch(/^128/);
  expect(await run(`git ls-remote ${git.urlOf('public/open')}`)).toMatch(/^0/);
  const pushing = 'cd private && GIT_TERMINAL_PROMPT=0 git push -q';
  expect(await run(`${pushing} ${git.urlOf('team/other')} HEAD:refs/heads/x`)).toMatch(/^(1|128)/);
  expect(await run(`${pushing} ${git.urlOf('public/open')} HEAD:refs/heads/x`)).toMatch(/403/);
  const smuggled = git
    .urlOf('team/other')
    .replace('https://', `https://bot:${encodeURIComponent('stolen-credential')}@`);
  expect(await run(`${pushing} ${smuggled} HEAD:refs/heads/x`)).toMatch(/403/);
  const odd = [
    ...['/team/private.git/../other.git/info/refs', '/team/private.git/%2e%2e/other.git/info/refs'],
    ...['//team/other.git/info/refs', '/team/private/../../team/other.git/info/refs'],
  ];
  for (const path of odd) {
    const requested = `https://${git.at}${path}?service=git-upload-pack`;
    expect(await run(`curl -sS --path-as-is -o /dev/null -w '%{http_code}' '${requested}'`)).not.toMatch(/200/);
  }
  const known = git.requests.filter((line) => line.endsWith(' known'));
  expect(
    known.filter(
      (line) =>
        !/^(GET|POST) \/team\/private\.git\/(info\/refs\?service=git-(upload|receive)-pack|git-(upload|receive)-pack) known$/.test(
          line,
        ),
    ),
  ).toEqual([]);
  expect(known.length).toBeGreaterThan(4);
  expect(git.git('team/other', 'branch', '--list', 'x')).toBe('');
  expect(git.git('public/open', 'branch', '--list', 'x')).toBe('');

  // Read-only access: by the session's choice, and by the credential's.
  const reading = await client.sessions.create.mutate({
    projectId,
    repositories: [{ url: git.urlOf('team/private'), access: 'read' }],
  });
  await expect.poll(() => stateOf(reading.id)).toBe('ready');
  expect(await run('cd private && git push -q origin HEAD:refs/heads/y', reading.id)).toMatch(/403/);
  await client.projectCredentials.put.mutate({ ...bound, git: 'read' });
  expect(await run('cd private && git fetch -q origin && git push -q origin HEAD:refs/heads/y')).toMatch(/403/);
  expect(git.git('team/private', 'branch', '--list', 'y')).toBe('');
  // A session without a repository there gets no access.
  const bare = await client.sessions.create.mutate({ projectId });
  expect(await run(`git ls-remote ${git.urlOf('team/private')}`, bare.id)).toMatch(/^128/);
  expect(await run('env', id)).not.toContain(secret);

  const found: string[] = [];
  const canaries = [secret, `bot:${secret}`].flatMap((value) => formsOf(value));
  const look = (path: string, text: string) => {
    if (canaries.some((form) => text.includes(form))) found.push(path);
  };
  let count = 0;
  for (const sessionId of [id, reading.id] as SessionId[]) {
    for await (const { path, text } of insideOf(processWorld, sessionId)) {
      count++;
      look(path, text);
    }
    look('the events', JSON.stringify(real.log(sessionId)));
  }
  for await (const { path, text } of filesUnder(real.server.data)) look(path, text);
  look('the log', real.server.output());
  look('the processes', await run('ps axww; cat /proc/*/environ 2>/dev/null | tr "\\0" "\\n"'));
  expect(found).toEqual([]);
  expect(count).toBeGreaterThan(10);
  const rules = real.factsOf(id, 'egress').map(({ data }) => `${data.decision} ${data.rule}`);
  expect(rules).toEqual(
    expect.arrayContaining(['allowed credential: forge', 'refused credential: no push to this repository']),
  );
});

test('a run that waits for a repository that is missing or cannot be set up ends there, and the next one continues', {
  tags: ['all'],
}, async (context) => {
  await using real = await worldServer(context, processWorld, git.settings);
  using client = openClient(real.server.url, 'ws');
  const begin = async (path: string) => {
    const { id } = await client.sessions.create.mutate({ repositories: [{ url: git.urlOf(path) }] });
    const send = async () => {
      const count = real.factsOf(id, 'run.end').length;
      await client.runs.send.mutate({ sessionId: id, text: '```sh\necho here\n```' });
      await expect.poll(() => real.factsOf(id, 'run.end').length).toBeGreaterThan(count);
      return real.factsOf(id, 'run.end').at(-1)?.data.status;
    };
    expect(await send()).toBe('failed');
    const { error } = real.factsOf(id, 'run.error').at(-1)?.data ?? {};
    expect(real.factsOf(id, 'tool.called').map(({ data }) => data.success)).toEqual([false]);
    return { error, send };
  };
  const [missing, broken] = await Promise.all(['public/nothing-here', 'public/no-setup'].map(begin));
  expect(missing?.error).toMatch(/nothing-here could not be fetched: .*has no repository/);
  expect(broken?.error).toMatch(/The setup of the repository no-setup failed/);
  expect(await Promise.all([missing?.send(), broken?.send()])).toEqual(['completed', 'completed']);
  // nobody is asked about a call that could not run
  await client.settings.change.mutate({ key: 'approvals.rules', value: [{ action: 'ask', tool: 'shell_*' }] });
  expect((await begin('public/nothing-here')).error).toBe(missing?.error);
});
