import type { Event } from '../../src/client/index.ts';

/** A recorded turn, as `npm run eval` plays it. */
export interface CapturedTurn {
  readonly text?: string;
  readonly calls?: readonly { readonly name: string; readonly args: Readonly<Record<string, unknown>> }[];
}
export interface CapturedRun {
  readonly instruction: string;
  /** When the instruction came, in epoch milliseconds. */
  readonly at: number;
  readonly recording: readonly CapturedTurn[];
  /** Files as they were before a tool changed them, by their path as the tool got it; null for a file that was made. */
  readonly originals: ReadonlyMap<string, string | null>;
  /** The user's further messages, which the task lacks. */
  readonly furtherMessages: number;
}

/** Reads a task from a session's log; undefined where nobody gave the session one. */
export function capturedFrom(events: readonly Event[], wholeChars: number): CapturedRun | undefined {
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
 * The turns with calls, in order, and the last words. A turn without calls would end the task, so the comments in between
 * are left out, as are the calls by which the agent asks a person.
 */
function recordingIn(events: readonly Event[]): CapturedTurn[] {
  const turns: { text: string; calls: NonNullable<CapturedTurn['calls']>[number][] }[] = [];
  let text = '';
  let isOpen = false; // the calls of a turn follow its usage
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

/** A text of more than `wholeChars` can be cut in the log, and is left out. */
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
