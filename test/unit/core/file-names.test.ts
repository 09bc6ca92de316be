import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createArchiveNamer, parseSafeName, parseSafePath, toDisplayName } from '../../../src/core/text/file-names.ts';
import { processorMs } from '../../support/servers/processor-time.ts';

const portable = (path: string) => parseSafePath(path)?.portable;

test.each([
  ['nothing', ''],
  ['an absolute path', '/etc/cron.d/evil'],
  ['a path that leads out', '../../tmp/evil.sh'],
  ['a path that leads out in its middle', 'a/../../b'],
  ['a path that only looks around', 'a/./b'],
  ['an empty part', 'a//b'],
  ['a folder', 'a/'],
  ['NUL', 'a\0b'],
  ['a part that is too long', `a/${'x'.repeat(256)}`],
  ['a path that is too long', `${'x'.repeat(100)}/`.repeat(41)],
])('a path with %s is refused: no file of a workspace has it', (_what, path) =>
  expect(parseSafePath(path)).toBeUndefined(),
);

test('a name of a folder has one part', () => {
  expect([parseSafeName('a')?.path, parseSafeName('a/b'), parseSafeName('..')]).toEqual(['a', undefined, undefined]);
});

test('an ordinary name stays as it is, in every language', () => {
  for (const path of ['a/ü.txt', '-rf', '.env', 'a b/c (1).tar.gz', '報告.pdf', '👩‍💻.md', '...a', 'x'.repeat(255)])
    expect(parseSafePath(path)).toEqual({ path, portable: path });
});

test.each([
  ['the separators of Windows', '..\\..\\evil.bat', '.._.._evil.bat'],
  ['a drive', 'C:/x', 'C_/x'],
  ['another stream of a file', 'a.txt:evil', 'a.txt_evil'],
  ['what Windows expands', 'a*?"<>|', 'a______'],
  ['controls', 'a\r\nX: y\u001b[2J\u0085', 'a__X_ y_[2J_'],
  ['a turn of direction', 'exe\u202egpj.txt', 'exe_gpj.txt'],
  ['an isolate and a mark', '\u2066a\u2069\u200f', '_a__'],
  ['signs without a width', 'a\u200bb\u2060c\u00ad', 'a_b_c_'],
  ['separators of lines', 'a\u2028b\u2029', 'a_b_'],
  ['a device', 'sub/CON', 'sub/_CON'],
  ['a device with an extension', 'nul .txt', '_nul .txt'],
  ['a device with an odd digit', 'COM¹', '_COM¹'],
  ['dots and spaces at the end', '.. /a. .', '___/a___'],
  ['half a character', 'a\ud800', 'a\ufffd'],
])('a copy of a file with %s in its name is called otherwise', (_what, path, expected) =>
  expect(parseSafePath(path)).toEqual({ path, portable: expected }),
);

test('a name of more than 255 bytes is cut before its extension, between characters', () => {
  expect(portable(`${'😀'.repeat(100)}.txt`) as string).toBe(`${'😀'.repeat(62)}.txt`);
  expect(portable(`con${'.x'.repeat(126)}`)).toHaveLength(255);
});

test('any name becomes a safe name of a copy, or none', () => {
  const nasty = fc.constantFrom('/', '\\', '.', '..', ' ', ':', '\0', '\n', '\u202e', 'con', 'NUL', 'a', 'é', '\ud800');
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.array(nasty).map((all) => all.join('')),
      ),
      (path) => {
        const name = portable(path);
        if (name === undefined) return;
        // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
        expect(name).not.toMatch(/^\/|\\|:|[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/);
        expect(name.split('/')).not.toContain('..');
        for (const part of name.split('/')) {
          expect(part).not.toMatch(/^$|[. ]$|^(con|nul)(\.|$)/i);
          expect(Buffer.byteLength(part)).toBeLessThanOrEqual(255);
        }
        expect(portable(name)).toBe(name);
      },
    ),
  );
});

test('a line of text shows what is invisible in a name', () => {
  expect(toDisplayName('a\u200b.txt')).toBe('a\\u{200b}.txt');
  expect(toDisplayName('می\u200cخواهم 👩\u200d💻 Café')).toBe('می\u200cخواهم 👩\u200d💻 Café');
  expect(toDisplayName('a\nSystem: obey\u202e')).toBe('a\\u{a}System: obey\\u{202e}');
  expect(toDisplayName('ü 報告.txt')).toBe('ü 報告.txt');
});

describe('the names of one archive', () => {
  const named = (...paths: string[]) => {
    const nameOf = createArchiveNamer();
    return paths.map((path) => nameOf(parseSafePath(path) as NonNullable<ReturnType<typeof parseSafePath>>));
  };

  test('differ also where capitals do not count', () => {
    expect(named('a.txt', 'A.txt', 'A.TXT', 'a (2).txt')).toEqual(['a.txt', 'A (2).txt', 'A (3).TXT', 'a (2) (2).txt']);
    expect(named('straße', 'STRASSE')).toEqual(['straße', 'STRASSE (2)']);
  });
  test('differ also where forms of Unicode do not count', () =>
    expect(named('caf\u00e9', 'cafe\u0301')).toEqual(['caf\u00e9', 'cafe\u0301 (2)']));
  test('differ after they were made safe', () =>
    expect(named('a:b', 'a*b', 'a_b')).toEqual(['a_b', 'a_b (2)', 'a_b (3)']));
  test('keep the files of one folder together, and folders and files apart', () => {
    expect(named('a', 'A/x', 'A/y', 'a:/x', 'A (2)')).toEqual(['a', 'A (2)/x', 'A (2)/y', 'a_/x', 'A (2) (2)']);
    expect(named('d/x', 'D/x')).toEqual(['d/x', 'D (2)/x']);
  });
  test('stay within 255 bytes with their number', () => {
    const long = 'x'.repeat(251);
    expect(named(`${long}.txt`, `${long}.TXT`)[1]).toBe(`${'x'.repeat(247)} (2).TXT`);
  });
  test('are found soon, however many are alike', async () => {
    const alike = Array.from({ length: 2 ** 14 }, (_, n) =>
      [...'abcdefghijklmn'].map((letter, bit) => (n & (2 ** bit) ? letter.toUpperCase() : letter)).join(''),
    );
    const took = await processorMs(() => {
      expect(new Set(named(...alike).map((name) => name.toLowerCase()))).toHaveLength(alike.length);
    });
    expect(took).toBeLessThan(5_000);
  });
});
