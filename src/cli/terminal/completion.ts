import type { Editor } from './editor.ts';
import { withText } from './editor.ts';
import { slashCommands } from './slash.ts';

export interface Completion {
  /** The place where the completed word begins. */
  readonly from: number;
  readonly words: readonly { readonly word: string; readonly about: string }[];
}
const most = 6;

/** The words that begin as the one before the cursor: commands at the beginning of the line, files behind `@`. */
export async function completionOf(
  { text, at }: Editor,
  files: () => Promise<readonly string[]>,
): Promise<Completion | undefined> {
  const before = text.slice(0, at);
  if (/^\/[a-z]*$/.test(before)) {
    const found = slashCommands.filter(({ name }) => `/${name}`.startsWith(before));
    return { from: 0, words: found.map(({ name, about }) => ({ word: `/${name}`, about })) };
  }
  const [, file] = /(?:^|\s)@(\S*)$/.exec(before) ?? [];
  if (file === undefined) return undefined;
  const wanted = file.toLowerCase();
  const paths = (await files()).filter((path) => path.toLowerCase().includes(wanted));
  const first = paths.toSorted(
    (a, b) => Number(b.startsWith(file)) - Number(a.startsWith(file)) || a.length - b.length,
  );
  return { from: at - file.length - 1, words: first.slice(0, most).map((path) => ({ word: `@${path}`, about: '' })) };
}

/** The editor with the completed word in place of its beginning. */
export function completed(editor: Editor, { from, words }: Completion, chosen: number): Editor {
  const word = words[chosen]?.word;
  if (word === undefined) return editor;
  const rest = editor.text.slice(editor.at).replace(/^ /, '');
  return withText(editor, `${editor.text.slice(0, from)}${word} ${rest}`, from + word.length + 1);
}
