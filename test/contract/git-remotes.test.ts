import { execFile, execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { neverAbortingSignal } from '../../src/core/concurrency/cancel.ts';
import { SessionId } from '../../src/core/model/ids.ts';
import { RepositoryInput, toSessionRepository } from '../../src/core/model/repository.ts';
import { fetchRepository } from '../../src/sessions/repositories/fetch-repository.ts';
import { standIn } from '../support/egress/egress.ts';
import { removeFolder } from '../support/stores/store.ts';

// Hostile remotes, with the machine's own git. Each remote is a folder of files that git reads by its dumb protocol, or
// a handwritten answer.
const root = mkdtempSync(join(tmpdir(), 'corral-remotes-'));
const remotes = join(root, 'remotes');
let workdir: string;
let server: Awaited<ReturnType<typeof standIn>>;
const git = (...args: string[]) =>
  execFileSync(
    'git',
    ['-c', 'user.name=A', '-c', 'user.email=a@example.org', '-c', 'init.defaultBranch=main', ...args],
    {
      cwd: remotes,
      encoding: 'utf8',
      stdio: ['pipe', 'pipe', 'ignore'],
    },
  ).trim();
const packet = (text: string) => (text.length + 4).toString(16).padStart(4, '0') + text;
let head: string;
const offer = () =>
  `${packet('# service=git-upload-pack\n')}0000${packet(`${head} HEAD\0symref=HEAD:refs/heads/main\n`)}${packet(`${head} refs/heads/main\n`)}0000`;
/** The answers to the two requests of a clone. */
type Answers = Readonly<Record<'refs' | 'pack', string | Buffer>>;
const pack = (bytes: string | Buffer): Answers => ({
  refs: offer(),
  pack: Buffer.concat([Buffer.from(packet('NAK\n')), Buffer.from(bytes as string, 'latin1')]),
});
const made: Record<string, () => Answers> = {
  'no-pack': () => pack(''),
  noise: () => pack('this is no pack, but long enough for a header'),
  'claims-much': () => pack(Buffer.concat([Buffer.from('PACK'), Buffer.from([0, 0, 0, 2, 255, 255, 255, 255])])),
  cut: () => {
    const input = git('-C', 'good.git', 'rev-list', '--objects', '--all').replaceAll(/ .*/g, '');
    const whole = execFileSync('git', ['-C', join(remotes, 'good.git'), 'pack-objects', '--stdout', '-q'], { input });
    return pack(whole.subarray(0, whole.length - 30));
  },
  shouts: () => ({ refs: packet(`ERR \x1b[31mred\x1b]52;c;eA==\x07 \u202eevil\u202c \u{e0041}\n`), pack: '' }),
  empty: () => ({
    refs: `${packet('# service=git-upload-pack\n')}0000${packet(`${'0'.repeat(40)} capabilities^{}\0agent=x\n`)}0000`,
    pack: '',
  }),
  page: () => ({ refs: '<html>Sign in</html>', pack: '' }),
};

beforeAll(async () => {
  mkdirSync(remotes);
  const bare = (name: string, change?: () => void) => {
    git('init', '--quiet', `${name}-work`);
    writeFileSync(join(remotes, `${name}-work`, 'a.txt'), 'a\n');
    git('-C', `${name}-work`, 'add', '--all');
    change?.();
    git('-C', `${name}-work`, 'commit', '--quiet', '-m', 'Begin');
    git('clone', '--quiet', '--bare', `${name}-work`, `${name}.git`);
    git('-C', `${name}.git`, 'update-server-info');
  };
  bare('good');
  head = git('-C', 'good.git', 'rev-parse', 'main');
  const copy = (name: string) => {
    cpSync(join(remotes, 'good.git'), join(remotes, `${name}.git`), { recursive: true });
    return join(remotes, `${name}.git`);
  };
  copy('names');
  const odd = [
    '../../../../etc/x',
    '-u',
    'a b',
    'a..b',
    '$(touch trapped)',
    '.lock',
    'x.lock',
    '\u202e',
    `${'d/'.repeat(500)}e`,
  ];
  const lines = [...odd, 'main'].map((name) => `${head}\trefs/heads/${name}\n`);
  writeFileSync(join(remotes, 'names.git/info/refs'), [...lines, `${head}\t/etc/passwd\n`].join(''));
  writeFileSync(join(remotes, 'names.git/HEAD'), 'ref: refs/heads/../../../config\n');
  copy('many');
  const refs = Array.from({ length: 20_000 }, (_, n) => `${head}\trefs/heads/b${n}\n`);
  writeFileSync(join(remotes, 'many.git/info/refs'), [...refs, `${head}\trefs/heads/main\n`].join(''));
  bare('pointers', () => {
    writeFileSync(join(remotes, 'pointers-work', '.gitattributes'), '*.bin filter=lfs\n');
    writeFileSync(
      join(remotes, 'pointers-work', '.lfsconfig'),
      '[lfs]\n\turl = http://127.0.0.1:1/\n\tconcurrenttransfers = 9\n',
    );
    writeFileSync(
      join(remotes, 'pointers-work', 'x.bin'),
      'version https://git-lfs.github.com/spec/v1\noid sha256:../../etc\nsize 9\n',
    );
    git('-C', 'pointers-work', 'add', '--all');
  });
  const blob = git('-C', 'good.git', 'rev-parse', 'main:a.txt');
  for (const [name, entry] of [
    ['dots', '..'],
    ['dot-git', '.git'],
    ['case', '.GIT'],
    ['short', 'git~1'],
    ['slash', 'a/../../x'],
  ] as const) {
    const dir = copy(name);
    const tree = Buffer.concat([Buffer.from(`100644 ${entry}\0`), Buffer.from(blob, 'hex')]);
    const input = { cwd: dir, input: tree, encoding: 'utf8' } as const;
    const id = execFileSync('git', ['hash-object', '-w', '-t', 'tree', '--literally', '--stdin'], input).trim();
    git('-C', `${name}.git`, 'update-ref', 'refs/heads/main', git('-C', `${name}.git`, 'commit-tree', id, '-m', 'x'));
    git('-C', `${name}.git`, 'update-server-info');
  }
  server = await standIn(createServer((request, response) => answer(request.url ?? '', response)));
  const within = (name: string, parts: readonly string[]) =>
    bare(name, () => {
      const modules = parts.map(
        (to) => `[submodule "${to}"]\n\tpath = ${to}\n\turl = http://127.0.0.1:${server.port}/${to}.git\n`,
      );
      writeFileSync(join(remotes, `${name}-work`, '.gitmodules'), modules.join(''));
      const commitOf = (to: string) =>
        git('-C', `${existsSync(join(remotes, `${to}.git`)) ? to : 'good'}.git`, 'rev-parse', 'main');
      for (const to of parts)
        git('-C', `${name}-work`, 'update-index', '--add', '--cacheinfo', `160000,${commitOf(to)},${to}`);
      git('-C', `${name}-work`, 'add', '.gitmodules');
    });
  within('inner', ['renamed', 'elsewhere']);
  within('outer', ['inner', 'elsewhere', 'good']);
});
afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  await removeFolder(root);
});
beforeEach(() => {
  workdir = mkdtempSync(join(root, 'work-'));
});

function answer(url: string, response: ServerResponse) {
  const { pathname, search } = new URL(url, 'http://x');
  const [, name = '', rest = ''] = /^\/([a-z-]+)\.git\/(.*)$/.exec(pathname) ?? [];
  const elsewhere = `http://localhost:${server.port}`;
  const place: Record<string, string> = {
    ...{ renamed: '', elsewhere, ...(rest.startsWith('objects') && { late: elsewhere }), 'other-kind': 'file:///etc' },
  };
  const host = place[name];
  const to = name === 'around' ? url : host !== undefined && `${host}/good.git/${rest}${search}`;
  if (to) return response.writeHead(302, { location: to }).end();
  const own = made[name]?.();
  if (own) {
    const kind = rest === 'info/refs' ? 'advertisement' : 'result';
    const type = name === 'page' ? 'text/html' : `application/x-git-upload-pack-${kind}`;
    return response.writeHead(200, { 'content-type': type }).end(rest === 'info/refs' ? own.refs : own.pack);
  }
  const file = join(remotes, `${name === 'late' ? 'good' : name}.git`, rest);
  const isThere = existsSync(file) && statSync(file).isFile();
  return response.writeHead(isThere ? 200 : 404).end(isThere ? readFileSync(file) : '');
}

const exec = async ({ command }: { readonly command: string }) => {
  const done = await promisify(execFile)('bash', ['-c', command], { cwd: workdir }).catch((thrown) => thrown);
  return {
    exitCode: (done.code as number | undefined) ?? 0,
    stdout: done.stdout,
    stderr: done.stderr,
    timedOut: false,
  };
};
const fetched = (name: string, ref?: string) =>
  fetchRepository(
    { workdir, exec: exec as never },
    {
      session: SessionId.parse('0123456789abcdef'),
      repository: {
        ...toSessionRepository(RepositoryInput.parse({ url: 'https://example.org/x', path: 'x', ...(ref && { ref }) })),
        url: `http://127.0.0.1:${server.port}/${name}.git`,
      },
      branch: 'corral/x',
      author: { name: 'Ada', email: 'ada@example.org' },
    },
    neverAbortingSignal,
  );
const left = () => readdirSync(workdir, { recursive: true }).filter((name) => !String(name).includes('x/.git'));

test.each([
  ['good', /^$/],
  ['renamed', /^$/], // at the same host
  ['many', /^$/],
  ['pointers', /files in Git LFS, which are pointers/],
])('a remote %s is fetched whole', async (name, note) => {
  const { notes, baseBranch } = await fetched(name);
  expect([notes.join(), baseBranch]).toEqual([expect.stringMatching(note), 'main']);
  expect(readFileSync(join(workdir, 'x/a.txt'), 'utf8')).toBe('a\n');
});

test.each([
  ['elsewhere', /redirects to another host: http:\/\/localhost:\d+\/good\.git\/?\. Use that address if you trust it/],
  ['late', /could not be fetched/], // only the first request is redirected
  ['other-kind', /could not be fetched/],
  ['around', /could not be fetched/],
  ['no-pack', /could not be fetched/],
  ['noise', /could not be fetched/],
  ['claims-much', /could not be fetched/],
  ['cut', /could not be fetched/],
  ['shouts', /could not be fetched: [ -~]*evil[ -~]*$/],
  ['page', /could not be fetched: fatal: the server answers with a page/],
  ['dots', /could not be fetched/],
  ['dot-git', /could not be fetched/],
  ['case', /could not be fetched/],
  ['short', /could not be fetched/],
  ['slash', /could not be fetched/],
])('a remote %s is refused with its reason, and leaves nothing', async (name, reason) => {
  await expect(fetched(name)).rejects.toThrow(reason);
  expect(left().filter((one) => one !== '.corral')).toEqual([]);
});

test('a submodule is not taken from another host, however deep, and the others are there', async () => {
  const { notes } = await fetched('outer');
  expect(notes.join()).toMatch(
    /^2 submodules could not be fetched \((inner\/)?elsewhere: fatal: redirects to another host, http:/,
  );
  const there = ['good', 'elsewhere', 'inner/renamed', 'inner/elsewhere'].map((one) =>
    readdirSync(join(workdir, 'x', one)).sort(),
  );
  expect(there).toEqual([['.git', 'a.txt'], [], ['.git', 'a.txt'], []]);
  const kept = readdirSync(join(workdir, 'x/.git/modules'), { recursive: true }).map(String);
  expect(kept.filter((name) => /elsewhere\/(HEAD|objects)/.test(name))).toEqual([]);
});

test('a repository without commits is one', async () => {
  expect(await fetched('empty')).toMatchObject({ baseBranch: null, baseCommit: null, notes: [] });
});

test('names of branches that git does not take are left out, and reach no file', async () => {
  await fetched('names').catch(() => {});
  expect(left().filter((one) => !/^(\.corral|x(\/a\.txt)?)$/.test(String(one)))).toEqual([]);
  expect(existsSync(join(workdir, 'trapped'))).toBe(false);
});
