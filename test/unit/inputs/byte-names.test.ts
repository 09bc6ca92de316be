import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { confinePaths } from '../../../sandbox-images/sandboxd/files/confined-paths.ts';
import { files } from '../../../sandbox-images/sandboxd/files/files.ts';
import { search } from '../../../sandbox-images/sandboxd/files/search.ts';

async function workspace() {
  const root = mkdtempSync(join(tmpdir(), 'corral-names-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  const place = await confinePaths(root);
  return { at: (name: string) => Buffer.concat([Buffer.from(`${root}/`), Buffer.from(name, 'latin1')]), place };
}

test.each([
  ['Latin-1', 'caf\xe9.txt', 'caf\\xE9.txt'],
  ['Shift_JIS', '\x95\x5c.txt', '\\x95\\.txt'],
  ['GBK', '\xd6\xd0\xce\xc4', '\\xD6\\xD0\\xCE\\xC4'],
  ['UTF-8 with one foreign byte', '\xc3\xa9\xff', 'é\\xFF'],
  ['half of an emoji', 'a\xf0\x9f\xa4', 'a\\xF0\\x9F\\xA4'],
  ['an encoded surrogate', 'a\xed\xa0\xbd', 'a\\xED\\xA0\\xBD'],
  ['UTF-8', '\xc3\xa9', 'é'],
  ['a name that looks escaped', 'a\\xE9', 'a\\x5CxE9'],
])('a file whose name is %s is listed, found and read', async (_, bytes, name) => {
  const { at, place } = await workspace();
  writeFileSync(at(bytes), 'content');
  mkdirSync(at(`\xe9 ${bytes}`));
  writeFileSync(at(`\xe9 ${bytes}/${bytes}`), 'inner');
  const { listFiles, openFile } = files(place);
  const { find, grep } = search(place, process.env);
  const inner = `\\xE9 ${name}/${name}`;
  expect((await listFiles('.')).map((entry) => entry.name)).toEqual([`\\xE9 ${name}`, name]);
  expect((await listFiles(`\\xE9 ${name}`)).map((entry) => entry.name)).toEqual([name]);
  expect((await find('.', '*', [])).matches.toSorted()).toEqual([name, inner].toSorted());
  expect((await find(`\\xE9 ${name}`, '*', [])).matches).toEqual([inner]);
  expect((await grep('.', 'inner|content', [])).matches.map(({ file }) => file).toSorted()).toEqual(
    [name, inner].toSorted(),
  );
  for (const [path, content] of [
    [name, 'content'],
    [inner, 'inner'],
  ] as const) {
    await using file = await openFile(path, undefined);
    expect((await buffer(Readable.from(file.chunks))).toString()).toBe(content);
  }
});
