import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import {
  bracketMatching,
  foldGutter,
  foldKeymap,
  HighlightStyle,
  indentOnInput,
  StreamLanguage,
  syntaxHighlighting,
} from '@codemirror/language';
import { MergeView, uncollapseUnchanged, unifiedMergeView } from '@codemirror/merge';
import { highlightSelectionMatches, search, searchKeymap } from '@codemirror/search';
import { EditorState, type Extension, Text } from '@codemirror/state';
import {
  drawSelection,
  EditorView,
  highlightActiveLine,
  highlightSpecialChars,
  keymap,
  lineNumbers,
} from '@codemirror/view';
import { tags } from '@lezer/highlight';
import { pressedKeyOf } from '../../../parts/pressed-key.ts';
import { detectCodeLanguage } from '../preview.ts';
import { commentGutter, setCommentedLine } from './comment-gutter.ts';

// The page's policy refuses style elements, so CodeMirror adopts style sheets in a shadow root.

const syntax = HighlightStyle.define([
  { tag: [tags.keyword, tags.modifier, tags.operatorKeyword], color: 'var(--syntax-keyword)' },
  { tag: [tags.string, tags.regexp, tags.special(tags.string)], color: 'var(--syntax-string)' },
  { tag: [tags.number, tags.bool, tags.null, tags.atom], color: 'var(--syntax-number)' },
  { tag: [tags.comment, tags.meta], color: 'var(--syntax-comment)' },
  { tag: [tags.heading, tags.definition(tags.variableName), tags.typeName], color: 'var(--syntax-title)' },
  { tag: [tags.tagName, tags.attributeName, tags.propertyName], color: 'var(--syntax-title)' },
  { tag: tags.strong, fontWeight: '700' },
  { tag: tags.emphasis, fontStyle: 'italic' },
  { tag: tags.link, textDecoration: 'underline' },
]);

const button = {
  padding: '2px 9px',
  border: '1px solid var(--line-strong)',
  borderRadius: '7px',
  background: 'var(--raised)',
  color: 'var(--text)',
  font: '13px var(--sans)',
  cursor: 'pointer',
};
const theme = EditorView.theme({
  '&': { height: '100%', background: 'var(--panel)', color: 'var(--text)', fontSize: '13.5px' },
  '&.cm-focused': { outline: '2px solid var(--accent)', outlineOffset: '-2px' },
  '.cm-scroller': { fontFamily: 'var(--mono)', lineHeight: '20px' },
  '.cm-content': { caretColor: 'var(--text)' },
  // Only a change of its height lets CodeMirror measure a comment again, and with it the places of the line numbers.
  '.cm-content:has(slot)': { minHeight: '0' },
  '.cm-cursor': { borderLeftColor: 'var(--text)' },
  '.cm-gutters': { background: 'var(--panel)', color: 'var(--quiet)', border: '0' },
  '.cm-activeLine, .cm-activeLineGutter': { background: 'color-mix(in srgb, var(--hover) 60%, transparent)' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': {
    background: 'color-mix(in srgb, var(--accent) 28%, transparent)',
  },
  '.cm-panels': { background: 'var(--code)', color: 'var(--text)', borderColor: 'var(--line)' },
  '.cm-panel input, .cm-textfield': {
    border: '1px solid var(--line-strong)',
    background: 'var(--raised)',
    color: 'var(--text)',
  },
  '.cm-panel button, .cm-button': { ...button, backgroundImage: 'none' },
  '.cm-searchMatch': { background: 'var(--wait-soft)', outline: '1px solid var(--wait)' },
  '.cm-searchMatch-selected': { background: 'var(--accent-soft)' },
  '.cm-changedLine, &.cm-merge-b .cm-changedLine, .cm-insertedLine': { background: 'var(--added)' },
  '.cm-deletedLine, &.cm-merge-a .cm-changedLine': { background: 'var(--removed)' },
  '.cm-deletedChunk': { display: 'flow-root', paddingLeft: '6px', background: 'none' },
  // Lines that are only added have buttons beside them, and no row above.
  '.cm-deletedChunk:not(:has(.cm-deletedLine))': { display: 'block', height: '0' },
  '.cm-deletedChunk:not(:has(.cm-deletedLine)) .cm-chunkButtons': { position: 'relative', zIndex: '1' },
  // Replaces the library's underline of changed words with a tint.
  '&.cm-editor .cm-changedText, &.cm-editor .cm-deletedText': {
    background: 'color-mix(in srgb, var(--text) 6%, transparent)',
    textDecoration: 'none',
  },
  'ins.cm-insertedLine, del.cm-deletedLine': { textDecoration: 'none' },
  '.cm-collapsedLines': { background: 'var(--code)', color: 'var(--quiet)', font: '13px var(--sans)' },
  '.cm-collapsedLines:before, .cm-collapsedLines:after': { content: '"⋯"' }, // most fonts lack the library's symbol
  // The library draws the buttons over the end of a change's first line.
  '&.cm-editor .cm-deletedChunk .cm-chunkButtons': {
    position: 'static',
    float: 'right',
    display: 'flex',
    gap: '6px',
    paddingRight: '6px',
  },
  '.cm-chunkButtons button': { ...button, padding: '0 9px', lineHeight: '18px' },
  '.cm-comments .cm-gutterElement': { padding: '0 2px' },
  '.cm-comments button': { ...button, padding: '0 5px', lineHeight: '16px' },
  '.cm-specialChar': { color: 'var(--bad)' },
});

type LineEnd = '\n' | '\r' | '\r\n';
export interface EditorOptions {
  readonly path: string;
  readonly text: string;
  readonly lineEnd: LineEnd;
  readonly label: string;
  readonly phrases: Readonly<Record<string, string>>;
  readonly parent: HTMLElement;
  readonly onChange: (text: string) => void;
  readonly onSave: () => void;
  /** Called with the first and last selected lines, counted from 1. */
  readonly onLines: (from: number, to: number) => void;
  readonly onComment: (from: number, to: number) => void;
}

/** Uses the file's own line endings, even for pasted text. */
const linesWith = (lineEnd: LineEnd): Extension => [
  EditorState.lineSeparator.of(lineEnd),
  EditorView.clipboardInputFilter.of((text) => text.replace(/\r\n|\r|\n/g, lineEnd)),
];

async function loadExtensions(options: EditorOptions): Promise<Extension[]> {
  const { path, lineEnd, label, phrases, onChange, onSave, onLines, onComment } = options;
  const language = await loadLanguage(path);
  return [
    linesWith(lineEnd),
    lineNumbers(),
    commentGutter(onComment),
    foldGutter(),
    history(),
    drawSelection(),
    indentOnInput(),
    bracketMatching(),
    highlightSpecialChars(),
    highlightActiveLine(),
    highlightSelectionMatches(),
    search({ top: true }),
    syntaxHighlighting(syntax),
    theme,
    EditorState.phrases.of(phrases),
    EditorView.contentAttributes.of({ 'aria-label': label, spellcheck: 'false' }),
    keymap.of([
      {
        key: 'Mod-s',
        run: () => {
          onSave();
          return true;
        },
      },
      ...defaultKeymap,
      ...historyKeymap,
      ...searchKeymap,
      ...foldKeymap,
    ]),
    EditorView.updateListener.of((update) => {
      if (update.docChanged) onChange(update.state.sliceDoc());
      if (!update.docChanged && !update.selectionSet) return;
      const { from, to } = update.state.selection.main;
      onLines(update.state.doc.lineAt(from).number, update.state.doc.lineAt(to).number);
    }),
    ...(language ? [language] : []),
  ];
}

function rootIn(parent: HTMLElement): ShadowRoot {
  const root = parent.shadowRoot ?? parent.attachShadow({ mode: 'open' });
  root.replaceChildren();
  return root;
}

export interface EditorHandle extends Disposable {
  focus(): void;
  /** `line` counts from 1. Undefined: hides the comment. */
  commentBelow(line: number | undefined): void;
}

const handleOf = (view: EditorView, whole: { destroy(): void } = view): EditorHandle => ({
  focus: () => view.focus(),
  commentBelow(line) {
    const { doc } = view.state;
    const opens = line === undefined ? [] : [uncollapseUnchanged.of(doc.line(Math.min(line, doc.lines)).from)];
    view.dispatch({ effects: [...opens, setCommentedLine.of(line)] }); // a comment in collapsed lines would be hidden
  },
  [Symbol.dispose]: () => whole.destroy(),
});

export async function showEditor(common: EditorOptions): Promise<EditorHandle> {
  const root = rootIn(common.parent);
  return handleOf(new EditorView({ doc: common.text, extensions: await loadExtensions(common), parent: root, root }));
}

interface DiffOptions extends EditorOptions {
  readonly before: string;
  readonly isReadOnly: boolean;
  readonly labelBefore: string;
  readonly layout: 'inline' | 'sides';
  readonly words: { readonly accept: string; readonly revert: string };
}

const collapseUnchanged = { margin: 3, minSize: 6 };

/** Adds key handling, because CodeMirror listens only for clicks. */
const opensCollapsedLines = EditorView.updateListener.of(({ view }) => {
  for (const node of view.dom.querySelectorAll<HTMLElement>('.cm-collapsedLines:not([role])')) {
    node.setAttribute('role', 'button');
    node.tabIndex = 0;
    node.onkeydown = (event) => {
      if (!['Enter', ' '].includes(pressedKeyOf(event))) return;
      event.preventDefault();
      event.stopPropagation();
      node.click();
    };
  }
});

/** Without wrapping, changes at the end of long lines would be out of sight. */
const comparing: Extension = [EditorView.lineWrapping, opensCollapsedLines];

/** The inline layout offers accept and revert, but not for a new file. The side-by-side layout offers only revert. */
export async function showComparison(common: DiffOptions): Promise<EditorHandle> {
  const { before, text, layout, parent, words, lineEnd, isReadOnly } = common;
  const root = rootIn(parent);
  const made = (word: string, act?: (event: MouseEvent) => void) => {
    const node = document.createElement('button');
    node.type = 'button';
    node.textContent = word;
    if (act) node.onmousedown = act;
    // CodeMirror expects buttons to act on mousedown. A click from the keyboard has a `detail` of 0.
    if (act) node.onclick = (event) => event.detail === 0 && act(event);
    return node;
  };
  const extensions = [...(await loadExtensions(common)), EditorState.readOnly.of(isReadOnly), comparing];
  if (layout === 'inline') {
    const merge = unifiedMergeView({
      original: Text.of(before.split(lineEnd)),
      collapseUnchanged,
      highlightChanges: before !== '', // otherwise every word of a new file would be highlighted
      mergeControls:
        isReadOnly || before === '' ? false : (kind, act) => made(kind === 'accept' ? words.accept : words.revert, act),
    });
    if (before === '') extensions.push(EditorView.theme({ '&.cm-editor .cm-deletedChunk': { display: 'none' } }));
    return handleOf(new EditorView({ doc: text, extensions: [...extensions, merge], parent: root, root }));
  }
  const language = await loadLanguage(common.path);
  const sides = new MergeView({
    a: {
      doc: before,
      extensions: [
        linesWith(lineEnd),
        lineNumbers(),
        highlightSpecialChars(),
        syntaxHighlighting(syntax),
        theme,
        EditorState.readOnly.of(true),
        comparing,
        EditorState.phrases.of(common.phrases),
        EditorView.contentAttributes.of({ 'aria-label': common.labelBefore }),
        ...(language ? [language] : []),
      ],
    },
    b: { doc: text, extensions },
    parent: root,
    root,
    collapseUnchanged,
    ...(!isReadOnly && { revertControls: 'a-to-b' }),
    renderRevertControl: () => {
      const node = made('→');
      node.title = words.revert;
      node.setAttribute('aria-label', words.revert);
      return node;
    },
  });
  sides.dom.style.height = '100%';
  sides.dom.style.overflow = 'auto';
  return handleOf(sides.b, sides);
}

const loaders = new Map<string, (path: string) => Promise<Extension>>(
  Object.entries({
    typescript: async (path: string) =>
      (await import('@codemirror/lang-javascript')).javascript({ typescript: true, jsx: path.endsWith('x') }),
    javascript: async () => (await import('@codemirror/lang-javascript')).javascript({ jsx: true }),
    python: async () => (await import('@codemirror/lang-python')).python(),
    xml: async () => (await import('@codemirror/lang-html')).html(),
    css: async () => (await import('@codemirror/lang-css')).css(),
    scss: async () => (await import('@codemirror/lang-css')).css(),
    json: async () => (await import('@codemirror/lang-json')).json(),
    markdown: async () => (await import('@codemirror/lang-markdown')).markdown(),
    yaml: async () => (await import('@codemirror/lang-yaml')).yaml(),
    rust: async () => (await import('@codemirror/lang-rust')).rust(),
    go: async () => (await import('@codemirror/lang-go')).go(),
    c: async () => (await import('@codemirror/lang-cpp')).cpp(),
    cpp: async () => (await import('@codemirror/lang-cpp')).cpp(),
    java: async () => (await import('@codemirror/lang-java')).java(),
    kotlin: async () => (await import('@codemirror/lang-java')).java(),
    sql: async () => (await import('@codemirror/lang-sql')).sql(),
    bash: async () => StreamLanguage.define((await import('@codemirror/legacy-modes/mode/shell')).shell),
    ruby: async () => StreamLanguage.define((await import('@codemirror/legacy-modes/mode/ruby')).ruby),
    lua: async () => StreamLanguage.define((await import('@codemirror/legacy-modes/mode/lua')).lua),
    dockerfile: async () =>
      StreamLanguage.define((await import('@codemirror/legacy-modes/mode/dockerfile')).dockerFile),
    ini: async () => StreamLanguage.define((await import('@codemirror/legacy-modes/mode/toml')).toml),
  }),
);

/** Undefined for plain text, or if the language fails to load. */
async function loadLanguage(path: string): Promise<Extension | undefined> {
  return await loaders
    .get(detectCodeLanguage(path))?.(path)
    .catch((error: unknown) => {
      reportError(error);
      return undefined;
    });
}
