import { describe, expect, test } from 'vitest';
import { fileRead, fileReplace, fileWrite } from '../../../src/agents/tools/file.ts';
import { fileEdit } from '../../../src/agents/tools/file-edit.ts';
import type { Tool } from '../../../src/agents/tools/tool.ts';
import { managedAgentsToolset } from '../../../src/agents/tools/toolset.ts';
import { decodeTextFile } from '../../../src/core/text/files/encoding.ts';
import { toolBench } from '../../support/agents/tools.ts';
import { publicFiles } from '../../support/public-inputs.ts';

const edit = managedAgentsToolset.find(({ name }) => name === 'edit') as Tool;
/** The same change by each tool that edits. */
const editors = {
  file_str_replace: (old_str: string, new_str: string) => [fileReplace, { file: 'a', old_str, new_str }],
  'file_edit by edits': (old_str: string, new_str: string) => [fileEdit, { file: 'a', edits: [{ old_str, new_str }] }],
  'file_edit by patch'(from: string, to: string) {
    const head = `@@ -1,${from.split('\n').length} +1,${to.split('\n').length} @@`;
    const patch = `${head}\n-${from.replaceAll('\n', '\n-')}\n+${to.replaceAll('\n', '\n+')}\n`;
    return [fileEdit, { file: 'a', patch }];
  },
  edit: (old_string: string, new_string: string) => [edit, { file_path: 'a', old_string, new_string }],
} satisfies Record<string, (from: string, to: string) => [Tool, object]>;
type Editor = keyof typeof editors;
const allEditors = Object.keys(editors) as Editor[];
const byText = ['file_str_replace', 'file_edit by edits', 'edit'] as const;

async function edited(bytes: Buffer, [tool, args]: [Tool, object]) {
  const { run, sandbox } = toolBench();
  sandbox.files.set('/workspace/a', bytes);
  const result = await run(tool, args);
  return { result, bytes: sandbox.files.get('/workspace/a') as Buffer };
}

const code = 'const x = 1;';
const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');
/** Lines behind the first one, as iconv writes them. */
const encodings: readonly [encoding: string, bytes: Buffer][] = [
  ['Latin-1', Buffer.from('// caf\xe9\n', 'latin1')],
  ['Windows-1252', Buffer.from('// \x93quoted\x94 \x80 5 \x96 6\n', 'latin1')],
  ['Windows-1256', hex('2f2f20e3d1cdc8c720c8c7e1dac7e1e30a')],
  ['Windows-874', hex('2f2f20cac7d1cab4d50a')],
  ['CP866', hex('2f2f208fe0a8a2a5e20a')],
  ['Mac Roman', hex('2f2f20636166 8e 20 9f 0a')],
  ['GB18030 of four bytes', hex('2f2f20d6d0cec4 8139ef30 0a')],
  ['UTF-8 with one foreign byte', Buffer.concat([Buffer.from('// Grüße, 日本語 '), hex('e9 0a')])],
  ['UTF-8 that is cut', Buffer.concat([Buffer.from('// é日本 🤖 '), hex('f09fa4')])],
  ['encoded surrogates', hex('2f2f20 c3a9 c3a9 eda0bd c3a9 c3a9 0a')],
  ['ISO-8859-15', hex('2f2f20bd7576726520e0203520a40a')],
  ['ISO-8859-6', hex('2f2f20e5d1cdc8c720c8c7e4d9c7e4e50a')],
  ['ISO-8859-13', hex('2f2f204c616261732072797461732c20e0e8e6ebe1f0f8fbfe0a')],
  ['ISO-8859-4', hex('2f2f205465726520686f6d6d696b7573742c20f5e4f6fc20b9be0a')],
  ['Windows-1257', hex('2f2f204c616272ee742c2070617361756c653a20e2e8e7ecee0a')],
  ['Windows-1258', hex('2f2f2058696e206368e06f207468ea206769f56920f00a')],
  ['CP437', hex('2f2f20c9cdcdbb20ba82ba20c8cdcdbc0a')],
  ['CP850', hex('2f2f20477294e1652c20a4616e64a320b0b1b20a')],
  ['CP852', hex('2f2f205a61bea288862067a9986ca5206a61abe40a')],
  ['Mac Cyrillic', hex('2f2f208ff0e8e2e5f22c20ece8f00a')],
  ['Big5 of Hong Kong', hex('2f2f20a4a4a4e5209dee209def0a')],
  ['UTF-7', hex('2f2f206361662b414f6b202b5a65566e4c410a')],
  ['Shift_JIS of half width', hex('2f2f20b6c0b6c520c3bdc40a')],
  ['EUC-JP of three bytes', hex('2f2f208fb0a18fb0a220c6fccbdcb8ec0a')],
  ['EBCDIC', hex('6161408381868525')],
  ['UTF-8 of Java', hex('2f2f20 c3a9 c3a9 c080 0a')],
  ['UTF-8 and Latin-1 in turns', hex('2f2f20 c3a9 e9 c3bc c3b6 fc 0a')],
  ['every byte but zero', Buffer.from(Array.from({ length: 255 }, (_, n) => n + 1))],
];
const files = encodings.flatMap(([encoding, rest]) => allEditors.map((by) => [encoding, by, rest] as const));

test.each(files)('%s: %s leaves every other byte as it is', async (_, by, rest) => {
  const file = Buffer.concat([Buffer.from(`${code}\n`), rest]);
  const { result, bytes } = await edited(file, editors[by](code, 'const y = 22;'));
  expect(result).toMatchObject({ ok: true });
  expect(bytes).toEqual(Buffer.concat([Buffer.from('const y = 22;\n'), rest]));
  expect(JSON.stringify(result)).not.toMatch(/\\ud[89a-f]/);
});

test.each(publicFiles)('a piece of $path ($encoding) is read and edited', async ({ encoding, readAs, word, bytes }) => {
  const read = decodeTextFile(bytes);
  if (readAs) expect(read?.encoding).toBe(readAs);
  else expect(read?.text).toBe(new TextDecoder(encoding, { ignoreBOM: true }).decode(bytes));
  const written = (text: string) => Buffer.from(text, encoding === 'utf-16le' ? 'utf16le' : 'latin1');
  const at = bytes.indexOf(written(word));
  const rest = bytes.subarray(at + written(word).length);
  const after = Buffer.concat([bytes.subarray(0, at), written('edited'), rest]).toString('latin1');
  const { run, sandbox } = toolBench();
  sandbox.files.set('/workspace/a', bytes);
  const { output } = await run(fileRead, { file: 'a' });
  const line = output.split(/\r?\n/).find((one) => one.includes(word)) as string;
  for (const by of allEditors) {
    const changed = await edited(bytes, editors[by](line, line.replace(word, 'edited')));
    expect([by, changed.bytes.toString('latin1')]).toEqual([by, after]);
  }
});

const forms = [
  ['composed', 'NFC', 'NFD'],
  ['decomposed', 'NFD', 'NFC'],
] as const;
test.each(forms.flatMap(([form, has, writes]) => byText.map((by) => [by, form, has, writes] as const)))(
  '%s finds accents that the file has %s',
  async (by, _, has, writes) => {
    const change = editors[by]('한글\nCafé = 1'.normalize(writes), '한글\nCafé = é'.normalize(writes));
    const { result, bytes } = await edited(Buffer.from('한글\r\nCafé = 1\r\n'.normalize(has)), change);
    expect(result).toMatchObject({ ok: true });
    expect(bytes.toString()).toBe('한글\r\nCafé = é\r\n'.normalize(has));
  },
);

const wide = (text: string, isBig = false) => {
  const bytes = Buffer.from(text, 'utf16le');
  return isBig ? bytes.swap16() : bytes;
};
test.each([
  ['little-endian with a mark', '\ufeff', false],
  ['big-endian with a mark', '\ufeff', true],
  ['little-endian', '', false],
  ['big-endian', '', true],
])('UTF-16, %s, is edited as UTF-16', async (_, mark, isBig) => {
  const file = wide(`${mark}${code}\r\n// é 日本語 🤖\r\n`, isBig);
  const { result, bytes } = await edited(file, editors.file_str_replace(`${code}\n`, 'let ü;\n'));
  expect(result).toMatchObject({ ok: true });
  expect(bytes).toEqual(wide(`${mark}let ü;\r\n// é 日本語 🤖\r\n`, isBig));
});

test.each([
  ['nothing but a mark', ['', 'ü\n']],
  ['no ASCII at all', ['你好', '再见']],
  ['control characters and new emoji', ['\x1b[1mred \u{1faff}', '\x1b[2mred \u{1faff}']],
])('UTF-16 with a mark and %s is known by its mark', (_, [before, after]) => {
  const [marked, changed] = [`\ufeff${before}`, `\ufeff${after}`];
  const read = decodeTextFile(wide(marked, true));
  expect([read?.encoding, read?.text, read?.encode(changed)]).toEqual(['UTF-16BE', marked, wide(changed, true)]);
});

test.each([
  ['ends in a zero', 'hello world text\n\0', 'hello world text\n␀'],
  ['has names between zeros', './a.txt\0./bc.txt\0', './a.txt␀./bc.txt␀'],
  ['has empty fields and characters of several bytes', 'é.txt\0\0日本\0', 'é.txt␀␀日本␀'],
])('text that %s is not taken for UTF-16, and is edited with its zeros', (_, content, shown) => {
  const read = decodeTextFile(Buffer.from(content));
  const expected = ['UTF-8 with zeros, shown as ␀', shown, Buffer.from(`${content}!`)];
  expect([read?.encoding, read?.text, read?.encode(`${shown}!`)]).toEqual(expected);
});

test.each([
  ['a tar of text', Buffer.concat([Buffer.from('a.txt'.padEnd(100, '\0')), Buffer.from('0000644\0hello\n')])],
  ['UTF-32 without a mark', Buffer.from('a\0\0\0b\0\0\0')],
  ['a program', Buffer.from('\x7fELF\x02\x01\0hello')],
  ['the sign for a zero', Buffer.from('a\0␀')],
])('%s is no text', (_, content) => expect(decodeTextFile(content)).toBeUndefined());

test.each([
  ['UTF-32LE', hex('fffe0000 61000000'), /UTF-32LE/],
  ['UTF-32BE', hex('0000feff 00000061'), /UTF-32BE/],
  ['a picture', hex('89504e470d0a1a0a 0000000d49484452'), /not a text file/],
  ['ISO-2022-JP', hex('61201b2442467c4b5c1b28420a'), /likely ISO-2022/],
  ['ISO-2022-KR', hex('61201b2429430e4751315b0f0a'), /likely ISO-2022/],
  ['a new character in Latin-1', Buffer.from('a caf\xe9', 'latin1'), /likely windows-1252/],
])('%s: an edit that would damage the file is refused by what it is', async (_, before, words) => {
  const { run, sandbox } = toolBench();
  sandbox.files.set('/workspace/a', before);
  const args = { file: 'a', edits: [{ old_str: 'a', new_str: 'ż', all: true }] };
  const answer = await run(fileEdit, args).catch((thrown: Error) => ({ output: thrown.message }));
  expect(answer.output).toMatch(words);
  expect(sandbox.files.get('/workspace/a')).toEqual(before);
});

// 表するソース能力テストひらがな
const japanese = hex('955c82b782e9835c815b8358945c97cd836583588367 82d082e782aa82c8').toString('latin1').repeat(2);
const sure = `\x95\x5c\x8e\xa6${japanese}`;
const declared = '; charset=windows-1251\n\xef';
const codePage = '# coding: cp932\n\x95\x5c';
const xml = '<?xml version="1.0" encoding="koi8-r"?>';
const call = "open(f, encoding='koi8-r') # caf";
test.each([
  ['a letter that the file has', 'caf\xe9', 'café', 'é!', '\xe9!'],
  ['a backslash, which is not half of a character', `${japanese} \\`, '\\', '/', `${japanese} /`],
  ['a word in a sure encoding', sure, '表示表', '日本', `\x93\xfa\x96\x7b${japanese.slice(2)}`],
  ['a new letter in a declared encoding', declared, 'п', 'пш', `${declared}\xf8`],
  ['a new letter in a declared code page', codePage, '表', '表示', `${codePage}\x8e\xa6`],
  ['a new letter in XML', `${xml}\xc1`, 'а', 'ш', `${xml}\xdb`],
  ['a call in code', `${call}\xe9`, 'é', 'é!', `${call}\xe9!`],
  ['a declaration for bytes', 'charset=x-user-defined \xe9', 'é', 'é!', 'charset=x-user-defined \xe9!'],
  ['a word that is too short for a guess', 'Gr\xf6\xdfe', 'Größe', 'Größe!', 'Gr\xf6\xdfe!'],
])('%s', async (_, before, from, to, after) => {
  const { bytes } = await edited(Buffer.from(before, 'latin1'), editors.file_str_replace(from, to));
  expect(bytes.toString('latin1')).toBe(after);
});

test.each([
  ['\n matches CRLF', 'a\r\nb\r\nc\r\n', 'a\nb', 'a\nx\nb', 'a\r\nx\r\nb\r\nc\r\n'],
  ['one line becomes two', 'a\r\nb\r\nc', 'b', 'b\nx', 'a\r\nb\r\nx\r\nc'],
  ['the last line, without a line end, becomes two', 'a\r\nb', 'b', 'b\nx', 'a\r\nb\r\nx'],
  ['CRLF in both', 'a\r\nb\r\n', 'a\r\nb', 'x\r\ny', 'x\r\ny\r\n'],
  ['CRLF against a file with \\n', 'a\nb\n', 'a\r\nb', 'x\r\ny', 'x\ny\n'],
  ['old Mac', 'a\rb\rc\r', 'a\nb', 'x\ny', 'x\ry\rc\r'],
  ['mixed: each line keeps its own', 'a\r\nb\nc\r\nd\n', 'a\nb\nc', 'a\nx\nc', 'a\r\nx\nc\r\nd\n'],
  ['mixed: an added line is like the one it follows', 'a\nb\r\nc\n', 'b', 'b\nx', 'a\nb\r\nx\r\nc\n'],
  ['a byte-order mark stays', '\ufeffa\r\nb\r\n', 'a\nb', 'b\na', '\ufeffb\r\na\r\n'],
  ['empty lines are counted', '\r\n\r\na\r\n', '\n\na', '\na', '\r\na\r\n'],
  ['a lone \\r inside of a line is text', 'p\r1\nb\n', 'b', 'b\nc', 'p\r1\nb\nc\n'],
])('line ends: %s', async (_, before, from, to, after) => {
  for (const by of byText) {
    const { bytes } = await edited(Buffer.from(before), editors[by](from, to));
    expect([by, bytes.toString()]).toEqual([by, after]);
  }
});

test('line ends: only line ends change', async () => {
  const { bytes } = await edited(Buffer.from('a\r\nb\r\n'), editors.edit('a\r\nb\r\n', 'a\nb\n'));
  expect(bytes.toString()).toBe('a\nb\n');
});

const count = (lines: string, left: string) =>
  lines.split('\n').filter((line) => !line.startsWith(left) && !line.startsWith('\\')).length;
test.each([
  ['mixed', 'a\r\nb\nc\r\nd\n', ' a\n-b\n+x\n+y\n c', 'a\r\nx\r\ny\r\nc\r\nd\n'],
  ['old Mac', 'a\rb\rc', ' a\n-b\n+x\n c', 'a\rx\rc'],
  [
    ...['the last line, without a line end', 'a\r\nb'],
    ...[' a\n-b\n\\ No newline at end of file\n+x\n+y\n\\ No newline at end of file', 'a\r\nx\r\ny'],
  ],
  ['a patch of Windows', 'a\nb\nc\n', ' a\r\n-b\r\n+x\r\n c\r', 'a\nx\nc\n'],
])('a patch keeps line ends: %s', async (_, before, lines, after) => {
  const patch = `@@ -1,${count(lines, '+')} +1,${count(lines, '-')} @@\n${lines}\n`;
  const { bytes } = await edited(Buffer.from(before), [fileEdit, { file: 'a', patch }]);
  expect(bytes.toString()).toBe(after);
});

test.each([
  ['CRLF', Buffer.from('a\r\n'), 'b\nc\n', 'a\r\nb\r\nc\r\n'],
  ['UTF-16', wide('\ufeffa\n'), 'é\n', wide('\ufeffa\né\n').toString('latin1')],
  ['Latin-1', Buffer.from('\xe9\n', 'latin1'), 'é\n', '\xe9\n\xe9\n'],
])('what is appended is like the file: %s', async (_, before, content, after) => {
  const { bytes } = await edited(before, [fileWrite, { file: 'a', content, append: true }]);
  expect(bytes.toString('latin1')).toBe(after);
});

describe.each(forms)('a file that is named %s', (_, stored, requested) => {
  const own = '/workspace/Dossié/한글.txt'.normalize(stored);
  const other = 'Dossié/한글.txt'.normalize(requested);

  test.each<[string, Tool, object, string]>([
    ['read', fileRead, { file: other }, 'one'],
    ['written', fileWrite, { file: other, content: 'two' }, 'two'],
    ['appended to', fileWrite, { file: other, content: ' two', append: true }, 'one two'],
    ['edited', fileReplace, { file: `/workspace/${other}`, old_str: 'one', new_str: 'two' }, 'two'],
  ])('is %s by its name in the other form', async (_, tool, args, text) => {
    const { run, sandbox } = toolBench();
    sandbox.files.set(own, Buffer.from('one'));
    expect(await run(tool, args)).toMatchObject({ ok: true });
    expect([...sandbox.files].map(([name, bytes]) => [name, `${bytes}`])).toEqual([[own, text]]);
  });

  test('stays next to one that has the other form', async () => {
    const { run, sandbox } = toolBench();
    sandbox.files.set(own, Buffer.from('one')).set(`/workspace/${other}`, Buffer.from('two'));
    await run(fileWrite, { file: other, content: 'three' });
    expect(`${sandbox.files.get(own)}`).toBe('one');
  });
});
