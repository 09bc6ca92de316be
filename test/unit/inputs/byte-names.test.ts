import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { createConfinedPaths } from '../../../sandbox-images/sandboxd/files/confined-paths.ts';
import { createFileOperations } from '../../../sandbox-images/sandboxd/files/files.ts';
import { createSearchOperations } from '../../../sandbox-images/sandboxd/files/search.ts';
import { createPathOperations } from '../../../sandbox-images/sandboxd/paths/paths.ts';
import { manualClock } from '../../support/machines/manual-clock.ts';
import { publicFiles } from '../../support/public-inputs.ts';
import { needs } from '../../support/servers/components.ts';

async function workspace() {
  const root = mkdtempSync(join(tmpdir(), 'corral-names-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  const place = await createConfinedPaths(root);
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
  const { listFiles, openFile } = createFileOperations(place);
  const { find, grep } = createSearchOperations(place, process.env);
  const inner = `\\xE9 ${name}/${name}`;
  expect((await listFiles('.')).map((entry) => entry.name)).toEqual([`\\xE9 ${name}`, name]);
  expect((await listFiles(`\\xE9 ${name}`)).map((entry) => entry.name)).toEqual([name]);
  expect((await find('.', '*', [])).matches.toSorted()).toEqual([name, inner].toSorted());
  expect((await find(`\\xE9 ${name}`, '*', [])).matches).toEqual([inner]);
  expect((await grep('.', 'inner|content', [])).matches.map(({ file }) => file).toSorted()).toEqual(
    [name, inner].toSorted(),
  );
  const { writeFile, removeFile } = createFileOperations(place);
  await writeFile(`${inner}.new`, Readable.from([Buffer.from('new')]), 'replace');
  await writeFile(inner, Readable.from([Buffer.from('!')]), 'append');
  await writeFile(name, Readable.from([Buffer.from('replaced')]), 'replace');
  expect(readdirSync(at(`\xe9 ${bytes}`), 'buffer').toSorted(Buffer.compare)).toEqual(
    [bytes, `${bytes}.new`].map((one) => Buffer.from(one, 'latin1')),
  );
  for (const [path, content] of [
    [name, 'replaced'],
    [inner, 'inner!'],
  ] as const) {
    await using file = await openFile(path, undefined);
    expect((await buffer(Readable.from(file.chunks))).toString()).toBe(content);
  }
  const clock = manualClock();
  onTestFinished(() => clock.advance(60_000)); // ends the helper
  const anywhere = createPathOperations({
    place,
    env: { PATH: process.env.PATH ?? '' },
    clock,
    keepers: new Set() as never,
  });
  await anywhere.movePath(inner, `${inner}/../moved \\xFF`);
  await anywhere.writePath(`\\xFF ${name}/a`, Readable.from([Buffer.from('a')]), {});
  await anywhere.makeFolder(`\\xFF ${name}/\\xFE`);
  const listed = await anywhere.listPaths('.', { depth: 2, metadata: false });
  expect(listed.map(({ path }) => path.slice(place.root.length + 1)).toSorted()).toEqual(
    [
      name,
      `\\xE9 ${name}`,
      `\\xE9 ${name}/${name}.new`,
      `\\xE9 ${name}/moved \\xFF`,
      `\\xFF ${name}`,
      `\\xFF ${name}/a`,
      `\\xFF ${name}/\\xFE`,
    ].toSorted(),
  );
  await using moved = await anywhere.openPath(`\\xE9 ${name}/moved \\xFF`, {});
  expect((await buffer(Readable.from(moved.chunks))).toString()).toBe('inner!');
  await removeFile(`\\xE9 ${name}`);
  await anywhere.removePath(`\\xFF ${name}`);
  await removeFile(name);
  expect(readdirSync(at(''))).toEqual([]);
});

test('two files whose names differ in the form of an accent stay two', async () => {
  const { at, place } = await workspace();
  const { openFile, writeFile } = createFileOperations(place);
  writeFileSync(at(Buffer.from('é').toString('latin1')), 'composed');
  await writeFile('e\u0301', Readable.from([Buffer.from('changed')]), 'replace');
  await using file = await openFile('é', undefined);
  expect((await buffer(Readable.from(file.chunks))).toString()).toBe('composed');
  expect(readFileSync(at(Buffer.from('e\u0301').toString('latin1')), 'utf8')).toBe('changed');
});

test.for(['rg', 'grep'])('%s finds ASCII in files of every encoding', async (program, { skip }) => {
  if (program === 'rg') await needs({ skip }, 'ripgrep');
  const { at, place } = await workspace();
  const programs = mkdtempSync(join(tmpdir(), 'corral-grep-'));
  onTestFinished(() => rmSync(programs, { recursive: true }));
  symlinkSync('/usr/bin/grep', join(programs, 'grep'));
  const { grep } = createSearchOperations(place, program === 'rg' ? process.env : { ...process.env, PATH: programs });
  for (const { path, encoding, word, bytes } of publicFiles) {
    if (program === 'grep' && encoding === 'utf-16le') continue; // binary for grep
    writeFileSync(at('file'), bytes);
    const lines = bytes
      .toString(encoding === 'utf-16le' ? 'utf16le' : 'utf8')
      .replace(/^\ufeff/, '')
      .split('\n');
    const line = lines.findIndex((one) => one.includes(word));
    const { matches } = await grep('file', word.replace(/[().=]/g, '[$&]'), []);
    const content = program === 'grep' && line === 0 ? bytes.toString().split('\n')[0] : lines[line];
    expect([path, matches]).toEqual([path, [{ file: 'file', line: line + 1, content }]]);
  }
  writeFileSync(at('file'), `${publicFiles[0]?.word}\n\0\n`);
  if (program === 'grep') expect((await grep('file', '.', [])).matches).toEqual([]);
});
