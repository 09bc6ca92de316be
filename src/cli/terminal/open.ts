// Loaded only on a terminal, because the UI library loads slowly.
import { appendFile, mkdir, readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { render, Text } from 'ink';
import { createElement as h } from 'react';
import type { Box, Corral, Event, Run, Session } from '../../client/index.ts';
import { toReadableModel } from '../../core/model/runs/readable-model.ts';
import type { Io } from '../io.ts';
import { type Painter, paintAnsi, paintPlain } from './markdown.ts';
import { ChatScreen, type ChatScreenProps, SessionPicker } from './screen.ts';
import { ChatTerminal } from './talk.ts';

const maxHistory = 500;

export interface OpenChatOptions {
  readonly io: Io;
  readonly corral: Corral;
  readonly box: Box;
  /** Shows only this run, and exits when it ends. */
  readonly run?: Run;
  /** The box was created for this chat, and is deleted if it is left unused. */
  readonly isNew?: boolean;
  readonly takeTyped?: ChatScreenProps['takeTyped'];
}

export interface ChatTerminalResult {
  /** Undefined if it was deleted, because nobody used it. */
  readonly box: Box | undefined;
  /** Undefined without `run`, or if the screen closed before the run's end. */
  readonly end: RunEnd['status'] | undefined;
}
type RunEnd = Extract<Event, { type: 'run.end' }>['data'];

export async function openChatTerminal(options: OpenChatOptions): Promise<ChatTerminalResult> {
  const { io, corral, box: first, run, isNew = false, takeTyped } = options;
  const paint = choosePaint(io);
  const history = await readHistory(io);
  let box = first;
  let end: RunEnd['status'] | undefined;
  let talk = new ChatTerminal({ corral, box, signal: io.signal, isNew, ...(run && { after: run.seq - 1 }) });
  const left = signalled();
  io.stdin.setRawMode(true); // keys typed during the first draw are kept unchanged
  const ui = render(h(Text, null, ''), {
    stdin: io.stdin,
    stdout: io.stdout,
    stderr: io.stderr,
    exitOnCtrlC: false,
    patchConsole: false,
  });
  const show = () =>
    ui.rerender(
      h(ChatScreen, { key: box.id, talk, paint, history, takeTyped, onBox, onLeave: left.fire, onSent, onChoose }),
    );
  const onBox = (next: Box, wasThere = false) => {
    void talk.leave();
    box = next;
    talk = new ChatTerminal({ corral, box, signal: io.signal, isNew: !wasThere });
    const shown = talk;
    shown.say('note', `session ${next.id}`);
    next.session().then(
      ({ model }) => model !== null && shown.say('note', `model ${toReadableModel(model)}`),
      () => {}, // the conversation itself reports an unreadable session
    );
    show();
  };
  const onSent = (text: string) => {
    history.push(text);
    void remember(io, text);
  };
  const onChoose = () => {
    void choose({ corral, paint, rerender: ui.rerender }).then(
      async (id) => (id === undefined ? show() : onBox(await corral.open(id), true)),
      (thrown: Error) => {
        talk.say('error', thrown.message);
        show();
      },
    );
  };
  if (run) {
    talk.onEvent((event) => {
      if (event.type !== 'run.end' || event.runId !== run.id) return;
      end = event.data.status;
      left.fire();
    });
  }
  io.signal.addEventListener('abort', left.fire, { once: true });
  if (io.signal.aborted) left.fire();
  show();
  let deleted: Promise<boolean> | undefined;
  try {
    await Promise.race([left.fired, talk.ended.catch(() => {})]);
    deleted = talk.leave();
  } finally {
    await new Promise((resolve) => setImmediate(resolve)); // waits until the newest block is drawn
    ui.rerender(h(Text, null, '')); // removes the input line; the conversation stays
    ui.unmount();
    await ui.waitUntilExit();
    io.stdin.setRawMode(false);
  }
  return { box: (await deleted) ? undefined : box, end };
}

export async function chooseSession(io: Io, corral: Corral): Promise<string | undefined> {
  io.stdin.setRawMode(true);
  const ui = render(h(Text, null, ''), { stdin: io.stdin, stdout: io.stderr, exitOnCtrlC: false, patchConsole: false });
  try {
    return await choose({ corral, paint: choosePaint(io), rerender: ui.rerender });
  } finally {
    ui.unmount();
    await ui.waitUntilExit();
    io.stdin.setRawMode(false);
  }
}

interface SessionChoice {
  readonly corral: Corral;
  readonly paint: Painter;
  readonly rerender: (node: ReturnType<typeof h>) => void;
}

async function choose({ corral, paint, rerender }: SessionChoice): Promise<string | undefined> {
  const { items } = await corral.call((api) => api.sessions.list.query({ limit: 200, archived: false }));
  const sessions: readonly Session[] = items;
  return await new Promise((onChosen) => rerender(h(SessionPicker, { sessions, paint, onChosen })));
}

const choosePaint = ({ env }: Io): Painter => (env.NO_COLOR ? paintPlain : paintAnsi);

function signalled() {
  let fire: () => void = () => {};
  const fired = new Promise<void>((resolve) => {
    fire = resolve;
  });
  return { fire: () => fire(), fired };
}

const historyFile = ({ env }: Io) =>
  join(env.XDG_STATE_HOME || join(env.HOME || homedir(), '.local/state'), 'corral/history');

async function readHistory(io: Io): Promise<string[]> {
  const text = await readFile(historyFile(io), 'utf8').catch(() => '');
  const lines = text.split('\n').filter(Boolean).slice(-maxHistory);
  return lines.flatMap((line) => {
    try {
      return [String(JSON.parse(line))];
    } catch {
      return []; // a line may be cut off, for example by a full disk
    }
  });
}

/** Ignores failures, because the message is sent anyway. */
async function remember(io: Io, text: string): Promise<void> {
  const file = historyFile(io);
  await mkdir(dirname(file), { recursive: true, mode: 0o700 }).catch(() => {});
  await appendFile(file, `${JSON.stringify(text)}\n`, { mode: 0o600 }).catch(() => {});
}
