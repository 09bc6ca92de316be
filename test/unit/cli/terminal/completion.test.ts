import { expect, test } from 'vitest';
import { emptyEditor, withText } from '../../../../src/cli/terminal/editor.ts';
import { completed, completionOf } from '../../../../src/cli/terminal/screen.ts';
import { slashOf } from '../../../../src/cli/terminal/slash.ts';

const files = async () => ['src/main.ts', 'notes.md', 'src/notes/old.md'];
const at = (text: string, cursor?: number) => withText(emptyEditor(), text, cursor);
const words = async (text: string) => (await completionOf(at(text), files))?.words.map(({ word }) => word);

test('commands complete at the beginning of the line alone', async () => {
  expect(await words('/f')).toEqual(['/files', '/fork']);
  expect(await words('see /f')).toBeUndefined();
});

test('files complete behind @, the nearest first, and the rest of the line stays', async () => {
  expect(await words('look at @not')).toEqual(['@notes.md', '@src/notes/old.md']);
  const editor = at('look at @not and tell', 12);
  const found = await completionOf(editor, files);
  expect(found && completed(editor, found, 0)).toMatchObject({ text: 'look at @notes.md and tell', at: 18 });
});

test('a mail address names no file', async () => expect(await words('write to me@not')).toBeUndefined());

test('a command is named whole or by a beginning that no other one has', () => {
  expect(slashOf('/diff notes.md')).toMatchObject({ command: { name: 'diff' }, argument: 'notes.md' });
  expect(slashOf('/st')?.command?.name).toBe('stop');
  expect(slashOf('/')?.command).toBeUndefined();
  expect(slashOf('/f')?.command).toBeUndefined();
  expect(slashOf('/usr/bin is a folder')).toBeUndefined();
  expect(slashOf('hello')).toBeUndefined();
});
