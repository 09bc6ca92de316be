import { findCharacterBounds } from '../../core/text/text.ts';

export interface EditorState {
  readonly text: string;
  readonly at: number;
  readonly history: readonly string[];
  /** An index in the history, or the history's length for a new message. */
  readonly shown: number;
  readonly draft: string;
}

export interface InkKey {
  readonly return?: boolean;
  readonly backspace?: boolean;
  readonly delete?: boolean;
  readonly leftArrow?: boolean;
  readonly rightArrow?: boolean;
  readonly upArrow?: boolean;
  readonly downArrow?: boolean;
  readonly ctrl?: boolean;
  readonly meta?: boolean;
  readonly shift?: boolean;
  readonly tab?: boolean;
  readonly escape?: boolean;
}

const maxHistory = 500;

export const createEditorState = (history: readonly string[] = []): EditorState => ({
  text: '',
  at: 0,
  history,
  shown: history.length,
  draft: '',
});

export const withEditorText = (editor: EditorState, text: string, at = text.length): EditorState => ({
  ...editor,
  text,
  at,
});

export function clearAfterSend(editor: EditorState): EditorState {
  const { history, text } = editor;
  const next = history.at(-1) === text || text.trim() === '' ? history : [...history, text].slice(-maxHistory);
  return createEditorState(next);
}

export const isSendKey = ({ text, at }: EditorState, key: InkKey): boolean =>
  key.return === true && !key.meta && !key.shift && !text.slice(0, at).endsWith('\\');

export function applyKey(editor: EditorState, input: string, key: InkKey): EditorState {
  const { text, at } = editor;
  if (key.return) {
    const before = text.slice(0, at).replace(/\\$/, '');
    return withEditorText(editor, `${before}\n${text.slice(at)}`, before.length + 1);
  }
  if (key.backspace || key.delete)
    return withEditorText(
      editor,
      text.slice(0, Math.max(0, at - sizeBefore(text, at))) + text.slice(at),
      Math.max(0, at - sizeBefore(text, at)),
    );
  if (key.leftArrow) return { ...editor, at: key.meta || key.ctrl ? wordBefore(text, at) : at - sizeBefore(text, at) };
  if (key.rightArrow)
    return { ...editor, at: key.meta || key.ctrl ? wordAfter(text, at) : at + characterAfter(text, at).length };
  if (key.upArrow) return vertical(editor, -1);
  if (key.downArrow) return vertical(editor, 1);
  if (key.ctrl) return controlled(editor, input);
  if (key.escape || key.tab || key.meta) return editor;
  const added = input.replaceAll(/\r\n?/g, '\n').replaceAll(/(?![\n\t])\p{Cc}/gu, '');
  return withEditorText(editor, text.slice(0, at) + added + text.slice(at), at + added.length);
}

function controlled(editor: EditorState, input: string): EditorState {
  const { text, at } = editor;
  const [start, end] = findLineRangeAt(text, at);
  switch (input) {
    case 'a':
      return { ...editor, at: start };
    case 'e':
      return { ...editor, at: end };
    case 'k':
      return withEditorText(editor, text.slice(0, at) + text.slice(end), at);
    case 'u':
      return withEditorText(editor, text.slice(0, start) + text.slice(at), start);
    case 'w': {
      const from = wordBefore(text, at);
      return withEditorText(editor, text.slice(0, from) + text.slice(at), from);
    }
    case 'j':
      return withEditorText(editor, `${text.slice(0, at)}\n${text.slice(at)}`, at + 1);
    default:
      return editor;
  }
}

function vertical(editor: EditorState, by: -1 | 1): EditorState {
  const { text, at } = editor;
  const [start, end] = findLineRangeAt(text, at);
  const isEdge = by < 0 ? start === 0 : end === text.length;
  if (isEdge) return older(editor, by);
  const [from, to] = findLineRangeAt(text, by < 0 ? start - 1 : end + 1);
  return { ...editor, at: Math.min(from + (at - start), to) };
}

function older(editor: EditorState, by: -1 | 1): EditorState {
  const { history, shown, text } = editor;
  const next = Math.min(history.length, Math.max(0, shown + by));
  if (next === shown) return editor;
  const draft = shown === history.length ? text : editor.draft;
  return { ...withEditorText(editor, next === history.length ? draft : (history[next] ?? '')), shown: next, draft };
}

export function findLineRangeAt(text: string, at: number): readonly [start: number, end: number] {
  const end = text.indexOf('\n', at);
  return [text.lastIndexOf('\n', at - 1) + 1, end < 0 ? text.length : end];
}

// Single steps move the cursor by a grapheme cluster.
const sizeBefore = (text: string, at: number) => (at === 0 ? 0 : at - findCharacterBounds(text, at - 1)[0]);
export const characterAfter = (text: string, at: number) => text.slice(at, findCharacterBounds(text, at + 1)[1]);
function wordBefore(text: string, at: number): number {
  let start = text.slice(0, at).trimEnd().length;
  while (start > 0 && /\S/.test(text.charAt(start - 1))) start -= 1;
  return start;
}
const wordAfter = (text: string, at: number) => at + (/^\s*\S*/.exec(text.slice(at))?.[0].length ?? 0);
