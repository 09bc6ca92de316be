// @module-tag all
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { SessionId } from '../../../src/core/model/ids.ts';
import { RepositoryInput, type SessionRepository, toSessionRepository } from '../../../src/core/model/repository.ts';
import { fetchRepository } from '../../../src/sessions/repositories/fetch-repository.ts';
import { createRepositoryService } from '../../../src/sessions/repositories/repositories.ts';
import { findGitFolder, streamBareRepository } from '../../../src/sessions/repositories/repository-folders.ts';
import { parseFilePatch } from '../../../src/web/work/ship/changes.ts';
import { removeFolder } from '../../support/stores/store.ts';

// Repositories as other programs leave them, with real git: a folder of this machine is the sandbox.

const { signal } = new AbortController();
const session = SessionId.parse('0123456789abcdef');
const author = { name: 'Ada', email: 'ada@example.org' };
let root: string;
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'corral-git-')));
});
afterEach(() => removeFolder(root));

const env = { PATH: process.env.PATH, HOME: tmpdir(), GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null' };
const named = [
  ...['-c', 'user.name=a', '-c', 'user.email=a@b.c', '-c', 'protocol.file.allow=always', '-c'],
  'init.defaultBranch=main',
];
const git = (at: string, ...args: string[]) =>
  execFileSync('git', [...named, ...args], {
    cwd: join(root, at),
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
function write(files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  }
}
function make(at: string, files: Readonly<Record<string, string>>, format = 'sha1'): void {
  write(Object.fromEntries(Object.entries(files).map(([name, text]) => [`${at}/${name}`, text])));
  git(at, 'init', '--quiet', `--object-format=${format}`);
  git(at, 'add', '--all');
  git(at, 'commit', '--quiet', '--message', 'First');
}
function bare(at: string, files: Readonly<Record<string, string>>): void {
  mkdirSync(join(root, at), { recursive: true });
  write(Object.fromEntries(Object.entries(files).map(([name, text]) => [`${at}/${name}`, text])));
  git(at, 'init', '--quiet');
}
const client = () => ({
  workdir: root,
  exec: async ({ command, stdin }: { command: string; stdin?: string }) => {
    const { status, stdout, stderr } = spawnSync('bash', ['-c', command], {
      input: stdin ?? '',
      env,
      encoding: 'utf8',
    });
    return { exitCode: status ?? 1, stdout, stderr, timedOut: false };
  },
});

function service(path = 'outer') {
  const repository = {
    ...toSessionRepository(RepositoryInput.parse({ url: 'https://example.org/team/outer', path })),
    state: 'ready',
    branch: 'main',
    baseCommit: git(path, 'rev-parse', 'HEAD').trim(),
  } as SessionRepository;
  return createRepositoryService({
    sandboxes: { use: async () => ({ client: client(), [Symbol.asyncDispose]: async () => {} }) },
    commands: { tell: () => {} },
    known: async () => ({ repositories: [repository] }),
    author,
  } as unknown as Parameters<typeof createRepositoryService>[0]);
}
const changed = async () =>
  (await service().status(session, 'outer', signal)).files.map(({ path, change }) => `${change} ${path}`);
const shipped = () =>
  git('outer', '-c', 'core.quotePath=false', 'ls-tree', '-r', 'HEAD')
    .trim()
    .split('\n')
    .map((line) => line.replace(/^(\d+) .*\t/, '$1 '));

/** Each inner repository is a folder of the outer one. */
const inner: Readonly<Record<string, { make: (at: string) => void; files: readonly string[] }>> = {
  'no commit': { make: (at) => bare(at, { 'a.txt': 'a' }), files: ['a.txt'] },
  'a commit': { make: (at) => make(at, { 'a.txt': 'a', 'src/b.txt': 'b' }), files: ['a.txt', 'src/b.txt'] },
  'own rules': {
    make: (at) => make(at, { '.gitignore': 'target\n', 'target/x': 'x', 'a.txt': 'a' }),
    files: ['.gitignore', 'a.txt'],
  },
  'already added': {
    make: (at) => {
      make(at, { 'a.txt': 'a' });
      git('outer', 'add', 'already added');
    },
    files: ['a.txt'],
  },
  'one in one': {
    make: (at) => {
      make(at, { 'a.txt': 'a' });
      make(`${at}/lib`, { 'b.txt': 'b' });
    },
    files: ['a.txt', 'lib/b.txt'],
  },
  'deep/in/folders': { make: (at) => make(at, { 'a.txt': 'a' }), files: ['a.txt'] },
  "'signs' [1]": { make: (at) => make(at, { 'ä.txt': 'a' }), files: ['ä.txt'] },
  'no files': { make: (at) => bare(at, {}), files: [] },
  ignored: {
    make: (at) => {
      write({ 'outer/.git/info/exclude': '/ignored/\n' });
      make(at, { 'a.txt': 'a' });
    },
    files: [],
  },
};

test('the files of inner repositories of every kind are shown, and a commit of everything has them', async () => {
  make('outer', { 'one.txt': 'one' });
  write({ 'outer/two.txt': 'two' });
  for (const [name, one] of Object.entries(inner)) one.make(`outer/${name}`);
  const ofInner = Object.entries(inner).map(([name, { files }]) => files.map((path) => `${name}/${path}`));
  const files = ofInner.flat();
  expect((await changed()).toSorted()).toEqual([...files, 'two.txt'].toSorted().map((path) => `added ${path}`));
  expect((await service().diff(session, 'outer', { since: 'head' }, signal)).text).toContain('+two');
  await service().commit(session, 'outer', { message: 'All' }, signal);
  expect(shipped()).toEqual([...files, 'one.txt', 'two.txt'].map((path) => `100644 ${path}`).toSorted());
  expect(await changed()).toEqual([]);
  expect(git('outer', 'status', '--porcelain').trim().split('\n')).toEqual(['?? "no files/"']);
  const last = ofInner.flatMap((paths) => paths.slice(-1)).toSorted();
  write(Object.fromEntries(last.map((path) => [`outer/${path}`, 'changed'])));
  expect((await changed()).toSorted()).toEqual(last.map((path) => `modified ${path}`));
  await service().commit(session, 'outer', { message: 'Some', files: last }, signal);
  expect(await changed()).toEqual([]);
});

test('named files of an inner repository are committed alone', async () => {
  make('outer', { 'one.txt': 'one' });
  make('outer/app', { 'a.txt': 'a', 'b.txt': 'b' });
  await service().commit(session, 'outer', { message: 'One of them', files: ['app/a.txt'] }, signal);
  expect([shipped(), await changed()]).toEqual([['100644 app/a.txt', '100644 one.txt'], ['added app/b.txt']]);
});

test.each([
  ['of every file', undefined],
  ['of named files', ['one.txt']],
])('a part of the diff stays uncommitted in a commit %s', async (_, files) => {
  const lines = Array.from({ length: 30 }, (_, n) => `line ${n}`);
  make('outer', { 'one.txt': `${lines.join('\n')}\n` });
  write({ 'outer/one.txt': `${lines.with(2, 'first').with(25, 'second').join('\n')}\n`, 'outer/two.txt': 'two' });
  const { text } = await service().diff(session, 'outer', { since: 'head', file: 'one.txt' }, signal);
  const { head, hunks } = parseFilePatch(text);
  expect(hunks).toHaveLength(2);
  const leaveOut = `${head}${hunks[0]}`;
  await service().commit(session, 'outer', { message: 'Second', leaveOut, ...(files && { files }) }, signal);
  expect(git('outer', 'show', 'HEAD')).toContain('+second');
  expect(git('outer', 'show', 'HEAD')).not.toContain('+first');
  expect(git('outer', 'diff')).toContain('+first');
  expect(await changed()).toEqual(['modified one.txt', ...(files ? ['added two.txt'] : [])]);
  const again = service().commit(session, 'outer', { message: 'Again', leaveOut: text }, signal);
  await expect(again).rejects.toThrow(/patch/);
});

test('a submodule stays one, and its new commit is shown; another worktree is left out', async () => {
  make('part', { 'p.txt': 'p' });
  make('outer', { 'one.txt': 'one' });
  git('outer', 'submodule', '--quiet', 'add', `file://${root}/part`, 'part');
  git('outer', 'commit', '--quiet', '--message', 'Part');
  git('outer', 'worktree', 'add', '--quiet', '.claude/worktrees/x', '-b', 'x');
  expect(await changed()).toEqual([]);
  write({ 'outer/part/p.txt': 'changed' });
  git('outer/part', 'commit', '--quiet', '--all', '--message', 'Second');
  expect(await changed()).toEqual(['modified part']);
  await service().commit(session, 'outer', { message: 'All' }, signal);
  expect(shipped()).toEqual(['100644 .gitmodules', '100644 one.txt', '160000 part']);
});

test('a repository of SHA-256 has a status, a diff, a commit and a patch', async () => {
  make('outer', { 'one.txt': 'one' }, 'sha256');
  write({ 'outer/two.txt': 'two' });
  make('outer/app', { 'a.txt': 'a' });
  expect(await changed()).toEqual(['added app/a.txt', 'added two.txt']);
  const repositories = service();
  const { commit } = await repositories.commit(session, 'outer', { message: 'All' }, signal);
  expect(commit).toMatch(/^[0-9a-f]{64}$/);
  expect(await repositories.patch(session, 'outer', signal)).toContain('+two');
});

test.each(['sha1', 'sha256'])('a folder of the server is fetched with submodules and theirs (%s)', async (format) => {
  make('srv/deep', { 'd.txt': 'd' }, format);
  make('srv/sub', { 's.txt': 's' }, format);
  make('srv/out', { 'o.txt': 'o' }, format);
  git('srv/sub', 'submodule', '--quiet', 'add', '../deep', 'deep');
  git('srv/sub', 'commit', '--quiet', '--message', 'Deep');
  git('srv/out', 'submodule', '--quiet', 'add', '../sub', 'parts/sub');
  git('srv/out', 'submodule', '--quiet', 'add', `file://${root}/srv/deep`, 'parts/deep');
  git('srv/out', 'commit', '--quiet', '--message', 'Parts');
  const requests: string[] = [];
  const copyTo = async (folder: string, url: string) => {
    requests.push(url.slice(`file://${root}`.length));
    const pieces: Uint8Array[] = [];
    for await (const piece of streamBareRepository(await findGitFolder(new URL(url).pathname, url), signal))
      pieces.push(piece);
    mkdirSync(folder, { recursive: true });
    execFileSync('tar', ['--extract', '--file=-', `--directory=${folder}`], { input: Buffer.concat(pieces) });
  };
  const url = `file://${root}/srv/out`;
  const repository = toSessionRepository(RepositoryInput.parse({ url, path: 'got' }));
  const choice = { session, repository, branch: 'corral/x', author, copyTo };
  const { notes } = await fetchRepository(client() as never, choice, signal);
  expect([notes, requests]).toEqual([[], ['/srv/out', '/srv/sub', '/srv/deep']]);
  const files = execFileSync('find', ['.', '-name', '*.txt'], { cwd: join(root, 'got'), encoding: 'utf8' });
  expect(files.trim().split('\n').toSorted()).toEqual([
    ...['./o.txt', './parts/deep/d.txt', './parts/sub/deep/d.txt', './parts/sub/s.txt'],
  ]);
  expect(git('got/parts/sub', 'remote', 'get-url', 'origin').trim()).toBe(`file://${root}/srv/sub`);
});

const names = [
  ['caf\xe9.txt', 'caf\\xE9.txt'], // Latin-1
  ["it's \x95\x5c.txt", "it's \\x95\\.txt"], // Shift_JIS
  ['a\\xE9 \\x41', 'a\\x5CxE9 \\x41'],
  ['$(id) `id` !a "b', '$(id) `id` !a "b'],
] as const;

test('files whose names are no UTF-8, look escaped or have signs of the shell are shown, compared and committed', async () => {
  make('outer', { 'one.txt': 'one' });
  for (const [bytes] of names)
    writeFileSync(Buffer.concat([Buffer.from(`${root}/outer/`), Buffer.from(bytes, 'latin1')]), 'content\n');
  write({ 'outer/two.txt': 'two' });
  const shown = names.map(([, name]) => name);
  expect((await changed()).toSorted()).toEqual([...shown, 'two.txt'].map((name) => `added ${name}`).toSorted());
  for (const file of shown) {
    const { text } = await service().diff(session, 'outer', { since: 'head', file }, signal);
    expect([file, text.match(/^\+\w+$/gm)]).toEqual([file, ['+content']]);
  }
  await service().commit(session, 'outer', { message: 'Four', files: shown }, signal);
  expect(await changed()).toEqual(['added two.txt']);
});
