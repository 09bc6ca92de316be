import { expect, test } from 'vitest';
import {
  applyKey,
  clearAfterSend,
  createEditorState,
  type EditorState,
  type InkKey,
  isSendKey,
  withEditorText,
} from '../../../../src/cli/terminal/editor.ts';
import { applyCompletion, findCompletion, formatWithCursor } from '../../../../src/cli/terminal/screen.ts';
import { parseSlashCommand } from '../../../../src/cli/terminal/slash.ts';

const press = (editor: EditorState, ...keys: readonly (string | InkKey)[]) =>
  keys.reduce<EditorState>(
    (at, key) => (typeof key === 'string' ? applyKey(at, key, {}) : applyKey(at, '', key)),
    editor,
  );
const ctrl = (editor: EditorState, letter: string) => applyKey(editor, letter, { ctrl: true });
const left: InkKey = { leftArrow: true };

test.each(['😀', '👨‍👩‍👧', '🇩🇪', 'e\u0301', 'क्षि'])(
  'text goes in where the cursor is, and %s is one letter',
  (letter) => {
    const editor = press(createEditorState(), `a${letter}b`, left, left, 'x');
    expect([editor.text, editor.at]).toEqual([`ax${letter}b`, 2]);
    expect(formatWithCursor(editor, (_, part) => `[${part}]`)).toBe(`[> ]ax[${letter}]b`);
    expect(press(editor, { rightArrow: true }, { backspace: true }).text).toBe('axb');
  },
);

test('Enter sends; Alt-Enter, Shift-Enter and a backslash before it begin a new line', () => {
  const editor = withEditorText(createEditorState(), 'one');
  expect(isSendKey(editor, { return: true })).toBe(true);
  for (const key of [
    { return: true, meta: true },
    { return: true, shift: true },
  ]) {
    expect([isSendKey(editor, key), press(editor, key).text]).toEqual([false, 'one\n']);
  }
  const continued = withEditorText(editor, 'one\\');
  expect([isSendKey(continued, { return: true }), press(continued, { return: true }).text]).toEqual([false, 'one\n']);
});

test('what is pasted keeps its lines and loses what could steer the terminal', () =>
  expect(press(createEditorState(), 'one\r\ntwo\u001b[31m\u0007').text).toBe('one\ntwo[31m'));

test('up and down go through lines first, then through the messages before, and the draft comes back', () => {
  const before = press(createEditorState(['first', 'second']), 'one\ntwo');
  const up: InkKey = { upArrow: true };
  const down: InkKey = { downArrow: true };
  expect(press(before, up)).toMatchObject({ text: 'one\ntwo', at: 3 });
  expect([press(before, up, up).text, press(before, up, up, up, up).text]).toEqual(['second', 'first']);
  expect(press(before, up, up, up, down, down).text).toBe('one\ntwo');
});

test('a sent message is the newest of the history, once', () => {
  const once = clearAfterSend(withEditorText(createEditorState(), 'same'));
  const expected = [['same'], ['same']];
  expect([
    clearAfterSend(withEditorText(once, 'same')).history,
    clearAfterSend(withEditorText(once, '  ')).history,
  ]).toEqual(expected);
});

test("readline's keys work on the line at the cursor", () => {
  const editor = withEditorText(createEditorState(), 'one\ntwo three', 8);
  expect([ctrl(editor, 'a').at, ctrl(editor, 'e').at, ctrl(editor, 'k').text]).toEqual([4, 13, 'one\ntwo ']);
  expect([ctrl(editor, 'u').text, ctrl(editor, 'w').text]).toEqual(['one\nthree', 'one\nthree']);
  expect(ctrl(editor, 'j').text).toBe('one\ntwo \nthree');
});

const files = async () => ['src/main.ts', 'notes.md', 'src/notes/old.md'];
const at = (text: string, cursor?: number) => withEditorText(createEditorState(), text, cursor);
const words = async (text: string) => (await findCompletion(at(text), files))?.words.map(({ word }) => word);

test('commands complete at the beginning of the line alone', async () => {
  expect([await words('/f'), await words('see /f')]).toEqual([['/files', '/fork'], undefined]);
});

test('files complete behind @, the nearest first, and the rest of the line stays', async () => {
  expect(await words('look at @not')).toEqual(['@notes.md', '@src/notes/old.md']);
  const editor = at('look at @not and tell', 12);
  const found = await findCompletion(editor, files);
  expect(found && applyCompletion(editor, found, 0)).toMatchObject({ text: 'look at @notes.md and tell', at: 18 });
});

test('a mail address names no file', async () => expect(await words('write to me@not')).toBeUndefined());

test('/model lists short names, and takes them unless two models share one', async () => {
  const models = ['/root/smol.gguf', '/a/big.gguf', '/b/big.gguf', 'meta/llama'].map((id) => ({ id }));
  const said: string[] = [];
  const created: unknown[] = [];
  const talk = {
    box: { id: 's' },
    say: (_: string, text: string) => said.push(text),
    corral: {
      call: (work: (api: unknown) => unknown) =>
        Promise.resolve(
          work({
            sessions: {
              agent: { query: () => ({ model: 'box//root/smol.gguf', fallbacks: [], template: 'default' }) },
            },
            models: { offered: { query: async () => ({ providers: [{ provider: 'box', models }] }) } },
          }),
        ),
      create: async (choice: unknown) => created.push(choice),
    },
  } as never;
  const model = parseSlashCommand('/model')?.command;
  await model?.run(talk, '');
  expect(said).toEqual([
    'box/smol (template: default)\nAvailable: demo, box/smol, box//a/big.gguf, box//b/big.gguf, box/meta/llama',
  ]);
  for (const name of ['box/smol', 'box//root/smol.gguf', 'box/meta/llama']) await model?.run(talk, name);
  const refs = ['box//root/smol.gguf', 'box//root/smol.gguf', 'box/meta/llama'];
  expect(created).toEqual(refs.map((ref) => ({ model: ref })));
});

test('a command is named whole or by a beginning that no other one has', () => {
  expect(parseSlashCommand('/diff notes.md')).toMatchObject({ command: { name: 'diff' }, argument: 'notes.md' });
  expect([parseSlashCommand('/st')?.command?.name, parseSlashCommand('/')?.command]).toEqual(['stop', undefined]);
  expect([parseSlashCommand('/f')?.command, parseSlashCommand('/usr/bin is a folder')]).toEqual([undefined, undefined]);
  expect(parseSlashCommand('hello')).toBeUndefined();
});
