import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  findGitFolder,
  RepositoryFolders,
  streamBareRepository,
} from '../../../../src/sessions/repositories/repository-folders.ts';
import { removeFolder } from '../../../support/stores/store.ts';

const one = 'a'.repeat(40);
const two = 'b'.repeat(40);
const never = new AbortController().signal;
let root: string;

beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'corral-folders-')));
});
afterEach(() => removeFolder(root));

function write(files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  }
}
const make = (at = 'git/project', more: Readonly<Record<string, string>> = {}) => {
  const own = {
    HEAD: 'ref: refs/heads/main\n',
    config: '[remote "origin"]\n\turl = https://bot:canary@example.org/x\n[core]\n\tfsmonitor = touch /tmp/x\n',
    'hooks/post-checkout': 'canary',
    'packed-refs': `# pack-refs with: peeled\n${two} refs/heads/main\n${two} refs/remotes/origin/canary\n${two} refs/tags/v1\n^${one}\n`,
    'refs/heads/main': `${one}\n`,
    'refs/heads/a/b': `${two}\n`,
    'refs/heads/..odd': 'canary',
    'refs/stash': `${two}\n`,
    'logs/HEAD': 'canary',
    [`objects/aa/${'a'.repeat(38)}`]: 'object',
    'objects/aa/canary': 'canary',
    'objects/info/packs': 'canary',
    [`objects/pack/pack-${two}.pack`]: 'pack',
    [`objects/pack/pack-${two}.idx`]: 'index',
    'objects/pack/tmp_pack_canary': 'canary',
    ...more,
  };
  write(Object.fromEntries(Object.entries(own).map(([name, text]) => [`${at}/.git/${name}`, text])));
  write({ [`${at}/.env`]: 'canary' });
};
const folders = (listed = [join(root, 'git')]) => new RepositoryFolders({ folders: listed, newId: () => '1' });

/** The copy as the sandbox gets it: the name of each file and its text. */
async function copied(url: string, of = folders()): Promise<Record<string, string>> {
  const pieces: Uint8Array[] = [];
  const programs = {
    open: async () => {},
    close: async () => {},
    attach: async () => {
      const ended = Promise.withResolvers<{ exitCode: number }>();
      return {
        write: async (piece: Uint8Array) => void pieces.push(Uint8Array.from(piece)),
        endInput: () => ended.resolve({ exitCode: 0 }),
        ended: ended.promise,
      };
    },
  };
  await of.copy({ programs: programs as never }, { url, to: '/workspace/x' }, never);
  const bytes = Buffer.concat(pieces);
  const found: Record<string, string> = {};
  for (let at = 0; bytes[at] !== 0; ) {
    const [name = ''] = bytes.toString('latin1', at, at + 100).split('\0');
    const size = Number.parseInt(bytes.toString('latin1', at + 124, at + 135), 8);
    found[name] = bytes.toString('utf8', at + 512, at + 512 + size);
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return found;
}
const urlOf = (name: string) => `file://${root}/${name}`;

test('a copy has branches, tags and objects, and neither settings, hooks, logs nor files of the folder', async () => {
  make();
  const found = await copied(urlOf('git/project'));
  expect(found).toEqual({
    config: '[core]\n\trepositoryformatversion = 0\n\tbare = true\n',
    HEAD: 'ref: refs/heads/main\n',
    'packed-refs': `${one} refs/heads/main\n${two} refs/tags/v1\n${two} refs/heads/a/b\n`,
    'refs/heads/.keep': '',
    [`objects/aa/${'a'.repeat(38)}`]: 'object',
    [`objects/pack/pack-${two}.pack`]: 'pack',
    [`objects/pack/pack-${two}.idx`]: 'index',
  });
  expect(JSON.stringify(found)).not.toContain('canary');
});

test('a bare repository, one with SHA-256 and a shallow one are copied as such', async () => {
  write({
    'git/bare.git/HEAD': `${one}\n`,
    'git/bare.git/config': '[extensions]\n\tobjectFormat = sha256\n',
    'git/bare.git/shallow': `${one}\nx\n`,
  });
  mkdirSync(join(root, 'git/bare.git/objects'));
  const found = await copied(urlOf('git/bare.git'));
  expect(found).toMatchObject({ HEAD: `${one}\n`, shallow: `${one}\n`, 'packed-refs': '' });
  expect(found.config).toContain('objectformat = sha256');
});

test('a large file is copied whole, in pieces', async () => {
  const text = 'x'.repeat(700_001);
  make('git/project', { [`objects/pack/pack-${one}.pack`]: text });
  expect((await copied(urlOf('git/project')))[`objects/pack/pack-${one}.pack`]).toBe(text);
});

test('only folders that the operator lists are offered, and the error names the setting', async () => {
  make();
  make('gitlab/secret');
  make('other');
  const all = folders();
  for (const name of ['other', 'gitlab/secret', 'git/../other']) {
    expect(() => all.check(urlOf(name)), name).toThrow(/CORRAL_REPOSITORIES_FOLDERS/);
    await expect(copied(urlOf(name)), name).rejects.toMatchObject({ code: 'invalid_request' });
  }
  expect(() => all.check('https://example.org/x')).not.toThrow();
  expect(() => folders([]).check(urlOf('git/project'))).toThrow(/CORRAL_REPOSITORIES_FOLDERS/);
  await expect(copied(urlOf('git/missing'))).rejects.toMatchObject({ code: 'not_found' });
  expect(await copied(urlOf('other'), folders([`${root}/other/`]))).toHaveProperty('HEAD');
});

test('a link of the folder that leads out of it is not followed, one within it and a listed link are', async () => {
  make();
  make('other');
  symlinkSync(join(root, 'other'), join(root, 'git/out'));
  symlinkSync('project', join(root, 'git/in'));
  symlinkSync(join(root, 'git'), join(root, 'listed'));
  await expect(copied(urlOf('git/out'))).rejects.toThrow(/leads out of the folders.*not followed/);
  expect(await copied(urlOf('git/in'))).toHaveProperty('HEAD');
  expect(await copied(urlOf('listed/project'), folders([join(root, 'listed')]))).toHaveProperty('HEAD');
});

test.each([
  ['objects', 'not a git repository'],
  ['HEAD', 'not a git repository'],
  ['config', 'its config is a link'],
  ['packed-refs', 'its packed-refs is a link'],
  ['refs/heads', 'its refs/heads is a link'],
  ['objects/pack', 'its objects/pack is a link'],
  [`objects/pack/pack-${two}.pack`, 'is a link or not a file'],
])('a link in place of %s is not followed', async (name, reason) => {
  make();
  write({ 'secret/HEAD': 'ref: refs/heads/main\n', 'secret/root': 'canary' });
  const place = join(root, 'git/project/.git', name);
  rmSync(place, { recursive: true });
  symlinkSync(join(root, name.includes('.') || !name.includes('/') ? 'secret/root' : 'secret'), place);
  await expect(copied(urlOf('git/project'))).rejects.toThrow(reason);
});

test('a single branch that is a link is left out', async () => {
  make();
  write({ secret: `${two}\n` });
  symlinkSync(join(root, 'secret'), join(root, 'git/project/.git/refs/heads/linked'));
  expect((await copied(urlOf('git/project')))['packed-refs']).not.toContain('linked');
});

test('what a copy would miss is refused with advice', async () => {
  const refused = async (more: Readonly<Record<string, string>>, why: RegExp) => {
    rmSync(join(root, 'git'), { recursive: true, force: true });
    make('git/project', more);
    await expect(copied(urlOf('git/project'))).rejects.toThrow(why);
  };
  await refused({ 'objects/info/alternates': '/srv/other/objects\n' }, /borrows objects of another folder/);
  await refused({ config: '[extensions]\n\tpartialClone = origin\n' }, /partial clone/);
  await refused({ config: '[extensions]\n\trefStorage = reftable\n' }, /reftable/);
  await refused({ HEAD: 'ref: ../../x\n' }, /HEAD that refers to no branch/);
  write({ 'git/worktree/.git': 'gitdir: /etc\n' });
  await expect(copied(urlOf('git/worktree'))).rejects.toThrow(/linked worktrees and submodules/);
  mkdirSync(join(root, 'git/empty'));
  await expect(copied(urlOf('git/empty'))).rejects.toThrow(/not a git repository/);
});

test('a copy ends when its signal fires', async () => {
  make();
  const folder = await findGitFolder(join(root, 'git/project'), 'file:///x');
  await expect(streamBareRepository(folder, AbortSignal.abort()).next()).rejects.toMatchObject({ code: 'cancelled' });
});
