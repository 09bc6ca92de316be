import type { Event } from '../../src/client/index.ts';

export interface CapturedTurn {
  readonly text?: string;
  readonly calls?: readonly { readonly name: string; readonly args: Readonly<Record<string, unknown>> }[];
}
export interface CapturedRun {
  readonly instruction: string;
  /** When the instruction was sent, in epoch ms. */
  readonly at: number;
  readonly recording: readonly CapturedTurn[];
  /** Files before a tool changed them, by the tool's path argument. Null if the tool created the file. */
  readonly originals: ReadonlyMap<string, string | null>;
  readonly furtherMessages: number;
}

export function readCapturedRun(events: readonly Event[], wholeChars: number): CapturedRun | undefined {
  const messages = events.flatMap((event) => (event.type === 'message.user' ? [event] : []));
  const [first] = messages;
  if (!first) return undefined;
  return {
    instruction: first.data.text,
    at: first.ts,
    recording: recordingIn(events),
    originals: originalsIn(events, wholeChars),
    furtherMessages: messages.length - 1,
  };
}

/**
 * The turns with calls, in order, and the final text. A turn without calls would end the task, so texts in between are
 * omitted, as are calls that ask a person.
 */
function recordingIn(events: readonly Event[]): CapturedTurn[] {
  const turns: { text: string; calls: NonNullable<CapturedTurn['calls']>[number][] }[] = [];
  let text = '';
  let isOpen = false; // a turn's usage precedes its calls
  for (const { type, data } of events) {
    if (type === 'message.assistant') text = data.text;
    if (type === 'usage') isOpen = false;
    if (type !== 'tool.calling') continue;
    if (!isOpen) turns.push({ text, calls: [] });
    if (!isOpen) text = '';
    isOpen = true;
    turns.at(-1)?.calls.push({ name: data.function, args: data.args });
  }
  const played = turns.map(({ text: message, calls }) => ({ ...(message !== '' && { text: message }), calls }));
  return [...played, { text: text === '' ? 'Done.' : text }];
}

/** Omits texts of more than `wholeChars`, which the log can truncate. */
function originalsIn(events: readonly Event[], wholeChars: number): ReadonlyMap<string, string | null> {
  const found = new Map<string, string | null>();
  for (const { type, data } of events) {
    if (type !== 'tool.called' || !data.success || !data.content || !('oldContent' in data.content)) continue;
    const { file } = data.args;
    const { oldContent } = data.content;
    if (typeof file !== 'string' || found.has(file) || (oldContent?.length ?? 0) > wholeChars) continue;
    found.set(file, oldContent);
  }
  return found;
}
