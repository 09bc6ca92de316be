import { expect, test } from 'vitest';
import { emptyEditor, withText } from '../../../../src/cli/terminal/editor.ts';
import { completed, findCompletion } from '../../../../src/cli/terminal/screen.ts';
import { parseSlash } from '../../../../src/cli/terminal/slash.ts';

const files = async () => ['src/main.ts', 'notes.md', 'src/notes/old.md'];
const at = (text: string, cursor?: number) => withText(emptyEditor(), text, cursor);
const words = async (text: string) => (await findCompletion(at(text), files))?.words.map(({ word }) => word);

test('commands complete at the beginning of the line alone', async () => {
  expect([await words('/f'), await words('see /f')]).toEqual([['/files', '/fork'], undefined]);
});

test('files complete behind @, the nearest first, and the rest of the line stays', async () => {
  expect(await words('look at @not')).toEqual(['@notes.md', '@src/notes/old.md']);
  const editor = at('look at @not and tell', 12);
  const found = await findCompletion(editor, files);
  expect(found && completed(editor, found, 0)).toMatchObject({ text: 'look at @notes.md and tell', at: 18 });
});

test('a mail address names no file', async () => expect(await words('write to me@not')).toBeUndefined());

test('a command is named whole or by a beginning that no other one has', () => {
  expect(parseSlash('/diff notes.md')).toMatchObject({ command: { name: 'diff' }, argument: 'notes.md' });
  expect([parseSlash('/st')?.command?.name, parseSlash('/')?.command]).toEqual(['stop', undefined]);
  expect([parseSlash('/f')?.command, parseSlash('/usr/bin is a folder')]).toEqual([undefined, undefined]);
  expect(parseSlash('hello')).toBeUndefined();
});
