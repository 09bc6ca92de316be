import { Box as Area, Static, Text, useInput, useStdout } from 'ink';
import { createElement as h, useEffect, useRef, useState, useSyncExternalStore } from 'react';
import type { Box, Session } from '../../client/index.ts';
import { findTitleLine } from '../../core/text/text.ts';
import { toOneLine, toPrintable } from '../io.ts';
import { formatCallLine, withState } from '../render.ts';
import { formatChatBlock, formatDiff, formatPlan } from './block-text.ts';
import type { PressedKey } from './early-input.ts';
import {
  applyKey,
  characterAfter,
  clearAfterSend,
  createEditorState,
  type EditorState,
  type InkKey,
  isSendKey,
  withEditorText,
} from './editor.ts';
import { formatMarkdown, type Painter } from './markdown.ts';
import { parseSlashCommand, slashCommands } from './slash.ts';
import type { ChatTerminal } from './talk.ts';
import { type ChatBlock, type ChatView, formatChatStatus } from './view.ts';

interface Completion {
  readonly from: number;
  readonly words: readonly { readonly word: string; readonly about: string }[];
}
const most = 6;

export async function findCompletion(
  { text, at }: EditorState,
  files: () => Promise<readonly string[]>,
): Promise<Completion | undefined> {
  const before = text.slice(0, at);
  if (/^\/[a-z]*$/.test(before)) {
    const found = slashCommands.filter(({ name }) => `/${name}`.startsWith(before));
    return { from: 0, words: found.map(({ name, about }) => ({ word: `/${name}`, about })) };
  }
  const [, file] = /(?:^|\s)@(\S*)$/.exec(before) ?? [];
  if (file === undefined) return undefined;
  const target = file.toLowerCase();
  const paths = (await files()).filter((path) => path.toLowerCase().includes(target));
  const first = paths.toSorted(
    (a, b) => Number(b.startsWith(file)) - Number(a.startsWith(file)) || a.length - b.length,
  );
  return { from: at - file.length - 1, words: first.slice(0, most).map((path) => ({ word: `@${path}`, about: '' })) };
}

export function applyCompletion(editor: EditorState, { from, words }: Completion, chosen: number): EditorState {
  const word = words[chosen]?.word;
  if (word === undefined) return editor;
  const rest = editor.text.slice(editor.at).replace(/^ /, '');
  return withEditorText(editor, `${editor.text.slice(0, from)}${word} ${rest}`, from + word.length + 1);
}

export interface ChatScreenProps {
  readonly talk: ChatTerminal;
  readonly paint: Painter;
  readonly history: readonly string[];
  /** Keys typed before the screen could read them. */
  readonly takeTyped?: (() => readonly PressedKey[]) | undefined;
  readonly onBox: (box: Box) => void;
  readonly onLeave: () => void;
  readonly onSent: (text: string) => void;
  readonly onChoose: () => void;
}

export function ChatScreen(props: ChatScreenProps) {
  const { talk, paint } = props;
  const view = useSyncExternalStore(talk.subscribe, talk.view);
  const blocks = view.blocks.map((block, at) => ({ block, id: `${talk.box.id}-${at}` }));
  return h(
    Area,
    { flexDirection: 'column' },
    h(Static<(typeof blocks)[number]>, { items: blocks, children: drawn(paint) }),
    h(UnderWay, { view, paint }),
    h(Line, { ...props, view }),
  );
}

const drawn =
  (paint: Painter) =>
  ({ block, id }: { readonly block: ChatBlock; readonly id: string }) =>
    h(Area, { key: id, marginBottom: 1 }, h(Text, null, formatChatBlock(block, paint)));

const frames = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const frameMs = 120;

function UnderWay({ view, paint }: { readonly view: ChatView; readonly paint: Painter }) {
  const { stdout } = useStdout();
  const isBusy = view.since !== undefined && view.question === undefined && view.approvals.length === 0;
  const frame = useFrame(isBusy || view.phase !== undefined);
  const most = Math.max(4, (stdout.rows || 24) - 14); // content taller than the screen cannot be redrawn
  const parts = [
    view.reply === '' ? '' : lastLines(formatMarkdown(view.reply, paint), most),
    ...[...view.calls.values()].map(({ title, output }) => {
      const body = lastLines(toPrintable(output).trimEnd(), 5);
      return paint('cyan', `${frames[frame]} ${toPrintable(title)}`) + (body === '' ? '' : `\n${paint('dim', body)}`);
    }),
    lastLines(formatPlan(view.plan, paint), 8),
  ].filter((part) => part !== '');
  const status = formatChatStatus(view, Date.now());
  const about = view.phase === undefined ? status : `sandbox: ${view.phase}`;
  if (isBusy || view.phase !== undefined)
    parts.push(`${paint('cyan', frames[frame] ?? '')} ${paint('dim', about || 'working')}`);
  return h(Area, { flexDirection: 'column' }, ...parts.map((part, at) => h(Text, { key: at }, part)));
}

function useFrame(runs: boolean): number {
  const [frame, setFrame] = useState(0);
  useEffect(() => {
    if (!runs) return;
    const timer = setInterval(() => setFrame((at) => (at + 1) % frames.length), frameMs);
    return () => clearInterval(timer);
  }, [runs]);
  return frame;
}

function lastLines(text: string, most: number): string {
  const lines = text.split('\n');
  return lines.length > most ? ['…', ...lines.slice(-most)].join('\n') : text;
}

function Line({
  talk,
  view,
  paint,
  history,
  takeTyped,
  onBox,
  onLeave,
  onSent,
  onChoose,
}: ChatScreenProps & { readonly view: ChatView }) {
  const [editor, setEditor] = useState(() => createEditorState(history));
  const [completion, setCompletion] = useState<Completion>();
  const [chosen, setChosen] = useState(0);
  const newest = useRef(editor); // several keys may arrive before the screen is redrawn
  const change = (next: EditorState) => {
    newest.current = next;
    setEditor(next);
    setChosen(0);
    void findCompletion(next, () => talk.files()).then((found) => {
      if (newest.current === next) setCompletion(found?.words.length ? found : undefined);
    });
  };
  const [call] = view.approvals;
  const showError = (thrown: Error) => talk.say('error', thrown.message);

  const submit = (text: string) => {
    change(clearAfterSend(newest.current));
    onSent(text);
    const [line = '', ...more] = text.trim().split('\n');
    const slash = parseSlashCommand(line);
    if (!slash) {
      if (call) return void talk.decide(text.trim()).catch(showError);
      if (text.startsWith('!')) return void talk.exec(text.slice(1).trim()).catch(showError);
      return void talk.send(text).catch(showError);
    }
    change(withEditorText(newest.current, more.join('\n').trim())); // a command is one line
    if (!slash.command) return talk.say('warning', `There is no command ${toOneLine(text, 40)}: /help lists them.`);
    slash.command.run(talk, slash.argument).then((next) => {
      if (next === 'leave') onLeave();
      else if (next === 'choose') onChoose();
      else if (next !== 'stay') onBox(next);
    }, showError);
  };

  const press = (input: string, key: InkKey) => {
    const now = newest.current;
    if (key.ctrl && input === 'd') return now.text === '' ? onLeave() : undefined;
    if (key.ctrl && input === 'c') {
      if (view.since !== undefined) return void talk.stop().catch(showError);
      return now.text === '' ? onLeave() : change(withEditorText(now, ''));
    }
    if (completion) {
      if (key.tab) return change(applyCompletion(now, completion, chosen));
      if (key.escape) return setCompletion(undefined);
      const by = key.downArrow ? 1 : key.upArrow ? -1 : 0;
      if (by !== 0) return setChosen((at) => (at + by + completion.words.length) % completion.words.length);
      const word = completion.words[chosen]?.word ?? '';
      const isWhole = now.text.endsWith(word);
      if (key.return && !isWhole) return change(applyCompletion(now, completion, chosen));
    }
    if (!isSendKey(now, key)) return change(applyKey(now, input, key));
    if (now.text.trim() !== '' || call) submit(now.text);
  };
  useInput((input: string, key: InkKey) => {
    if (!/^[^\r\n]+\r$/.test(input)) return press(input, key);
    press(input.slice(0, -1), {}); // a terminal may deliver a line and its Enter together
    press('', { return: true });
  });
  // After the effects of `useInput`, which reads from then on.
  useEffect(() => {
    for (const [input, key] of takeTyped?.() ?? []) press(input, key);
  }, []);

  const reply = view.blocks.findLast(({ kind }) => kind === 'agent');
  const isShown = reply?.kind === 'agent' && reply.text.trim() === view.question?.trim();
  const question =
    view.question !== undefined && view.approvals.length === 0 && !isShown ? toPrintable(view.question) : undefined;
  return h(
    Area,
    { flexDirection: 'column' },
    question === undefined ? null : h(Text, null, paint('yellow', question)),
    call ? h(Text, null, approvalText(call, paint)) : null,
    h(Text, null, formatWithCursor(editor, paint)),
    completion
      ? h(Text, null, completionText(completion, chosen, paint))
      : h(
          Text,
          null,
          paint('dim', call ? 'y: yes · n: no · a: always in this session · or say why not' : keyHint(view)),
        ),
  );
}

const keyHint = (view: ChatView) => {
  if (view.question !== undefined) return 'enter: answer · ctrl-c: stop the run';
  return view.since === undefined
    ? '/help · @ files · ! command · ctrl-d: exit'
    : 'enter: steer · ctrl-c: stop the run';
};

function approvalText(call: ChatView['approvals'][number], paint: Painter): string {
  const content = call.content && 'content' in call.content ? call.content : undefined;
  const change = content && formatDiff({ before: content.oldContent ?? '', after: content.content }, paint);
  const why = call.reason ? paint('dim', `\n  ${toPrintable(call.reason)}`) : '';
  return `${paint('yellow', `Allow ${call.function}?`)}\n  ${formatCallLine(call)}${why}${change ? `\n${lastLines(change, 20)}` : ''}`;
}

export function formatWithCursor({ text, at }: EditorState, paint: Painter): string {
  const under = text[at] === '\n' ? '' : characterAfter(text, at);
  const shown = `${text.slice(0, at)}${paint('inverse', under || ' ')}${text.slice(at + under.length)}`;
  return paint('bold', '> ') + shown.replaceAll('\n', '\n  ');
}

function completionText({ words }: Completion, chosen: number, paint: Painter): string {
  return words
    .map(({ word, about }, at) => {
      const line = `  ${word.padEnd(12)} ${about}`;
      return at === chosen ? paint('inverse', line) : paint('dim', line);
    })
    .join('\n');
}

interface ChooserProps {
  readonly sessions: readonly Session[];
  readonly paint: Painter;
  readonly onChosen: (id: string | undefined) => void;
}

export function SessionPicker({ sessions, paint, onChosen }: ChooserProps) {
  const { stdout } = useStdout();
  const [at, setAt] = useState(0);
  const newest = useRef(0);
  const go = (to: number) => {
    newest.current = Math.max(0, Math.min(sessions.length - 1, to));
    setAt(newest.current);
  };
  useInput((input: string, key: InkKey) => {
    if (key.return) return onChosen(sessions[newest.current]?.id);
    if (key.escape || input === 'q' || (key.ctrl && (input === 'c' || input === 'd'))) return onChosen(undefined);
    if (key.upArrow || input === 'k') go(newest.current - 1);
    if (key.downArrow || input === 'j') go(newest.current + 1);
  });
  const rows = Math.max(3, (stdout.rows || 24) - 4);
  const from = Math.max(0, Math.min(at - Math.floor(rows / 2), sessions.length - rows));
  const lines = sessions.slice(from, from + rows).map((session, row) => {
    const { id, status, latestMessageAt, title, lastTask } = withState(session);
    const line = `${id}  ${status.padEnd(9)}  ${latestMessageAt.slice(0, 16).replace('T', ' ')}  ${toOneLine(title || findTitleLine(lastTask) || '-', 50)}`;
    return h(Text, { key: id, wrap: 'truncate' }, from + row === at ? paint('inverse', `› ${line}`) : `  ${line}`);
  });
  return h(
    Area,
    { flexDirection: 'column' },
    ...lines,
    h(Text, { key: 'keys' }, paint('dim', 'enter opens · q leaves')),
  );
}
