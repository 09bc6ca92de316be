import { expect, test } from 'vitest';
import { detectCharset } from '../../../src/facades/previews/files.ts';

// Workspace files as a browser gets them. A charset in the header takes precedence over the file's own.

const latin1 = (text: string) => Buffer.from(text, 'latin1');
const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');
const html = 'text/html';
const japanese = hex('955c8ea682b782e9 835c815b8358 945c97cd 8365 8358 8367 82b78 2e9 0a');
const russian = latin1(`${'\xcf\xf0\xe8\xe2\xe5\xf2, \xec\xe8\xf0! '.repeat(5)}\n`);
const old = latin1('<meta http-equiv=Content-Type content="text/html; charset=windows-1251">\xcf');
const cut = Buffer.from(`${'a\n'.repeat(32_767)}aé`).subarray(0, 65_536);

test.each<[string, string, Buffer, string | undefined]>([
  ['a page without a declaration', html, Buffer.from('<!doctype html><p>é</p>'), 'utf-8'],
  ['an English page', html, Buffer.from('<p>hello</p>'), 'utf-8'],
  ['a page of Latin-1', html, latin1('<p>Gr\xf6\xdfe \xe4ndern \xfcber</p>'), 'windows-1252'],
  ['a page that declares Latin-1', html, latin1('<meta charset="iso-8859-1"><p>caf\xe9'), undefined],
  ['a page that declares UTF-8', html, Buffer.from('<META CHARSET=utf-8><p>é'), undefined],
  ['an old declaration', html, old, undefined],
  ['a declaration over two lines', html, latin1('<meta\n  charset = "shift_jis">\x95\x5c'), undefined],
  ['a declaration that browsers do not find', html, Buffer.from(`${' '.repeat(1_100)}<meta charset=big5>é`), 'utf-8'],
  ['a page about declarations', html, Buffer.from('<p>charset=latin1 é'), 'utf-8'],
  ['a page with a mark', html, Buffer.from('\ufeff<p>é'), undefined],
  ['UTF-16 with a mark', html, Buffer.from('\ufeff<p>é', 'utf16le'), undefined],
  ['UTF-16 without one', 'text/plain', Buffer.from('plain text, wide', 'utf16le'), 'UTF-16LE'],
  ['a style sheet with a charset', 'text/css', latin1('@charset "iso-8859-1";\n.\xe9{}'), undefined],
  ['a style sheet', 'text/css', Buffer.from('.é{}'), 'utf-8'],
  ['a text that names a meta element', 'text/plain', Buffer.from('<meta charset=latin1> é'), 'utf-8'],
  ['a text of Japanese', 'text/plain', japanese, 'Shift_JIS'],
  ['a text of Russian', 'text/plain', russian, 'windows-1251'],
  ['a table of French', 'text/csv', latin1('pr\xe9nom;ann\xe9e\nAndr\xe9;1990\n'), 'windows-1252'],
  ['a script', 'text/javascript', Buffer.from('const é = "日本";'), 'utf-8'],
  ['a long text, cut in a character', 'text/plain', cut, 'utf-8'],
  ['ISO-2022-JP', 'text/plain', hex('1b2442467c4b5c1b28420a'), 'iso-2022-jp'],
])('%s', (_, type, start, charset) => expect(detectCharset(type, start)?.toLowerCase()).toBe(charset?.toLowerCase()));
