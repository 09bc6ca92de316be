import { batch, effect, signal } from '@preact/signals';
import type { Event } from '../../client/types.ts';
import { notify } from '../parts/notice.tsx';
import { t } from '../text/text.ts';
import { LogReader, type LogSource } from './log-reader.ts';
import { ConversationState } from './model.ts';
import { leaveSession } from './route.ts';
import { CallError, query, subscribeTo } from './server.ts';
import { currentSessionId, forgetSession } from './sessions.ts';

export const conversationState = new ConversationState();
/** Events read so far, without gaps. Grows in place; `sessionEventCount` signals changes. */
export const sessionEvents: Event[] = [];
export const sessionEventCount = signal(0);

const listeners = new Set<(event: Event) => void>();
export function onSessionEvent(listener: (event: Event) => void): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

export const isLoadingHistory = signal(false);
let history: ConversationState | undefined;
/** Message that begins before the shown part of the log. Its pieces are skipped. */
let cutMessage: string | undefined;

function take(taken: readonly Event[]): void {
  (history ?? conversationState).take(taken);
  append(taken);
}

function append(taken: readonly Event[]): void {
  for (const event of taken) sessionEvents.push(event);
  sessionEventCount.value = sessionEvents.length;
  for (const event of taken) for (const listener of listeners) tell(listener, event);
}

function receiveTail(taken: readonly Event[]): void {
  if (!history) {
    history = new ConversationState();
    isLoadingHistory.value = true;
    const [first] = taken;
    cutMessage = first?.type === 'message.delta' ? first.data.messageId : undefined;
  }
  conversationState.take(
    taken.filter((event) => event.type !== 'message.delta' || event.data.messageId !== cutMessage),
  );
}

/** Processes the log's end again, because its meaning depends on previous events. */
function join(end: readonly Event[]): void {
  const whole = history;
  if (!whole) return;
  history = undefined;
  whole.take(end);
  batch(() => {
    conversationState.takeOver(whole);
    isLoadingHistory.value = false;
  });
  append(end);
}

/** An error in one subscriber must not hide the event from the others. */
function tell(listener: (event: Event) => void, event: Event): void {
  try {
    listener(event);
  } catch (error) {
    reportError(error);
  }
}

function reset() {
  history = undefined;
  isLoadingHistory.value = false;
  sessionEvents.length = 0;
  sessionEventCount.value = 0;
  conversationState.clear();
}

const createSource = (sessionId: string): LogSource => ({
  list: (afterSeq, limit) => query('events.list', { sessionId, afterSeq, limit }),
  follow: (afterSeq, { onData, onEnd, onError }) =>
    // The client resumes from the ids that the server sends with events.
    subscribeTo<{ readonly data: Parameters<typeof onData>[0] }>(
      'events.subscribe',
      { sessionId, lastEventId: String(afterSeq) },
      { onData: ({ data }) => onData(data), onEnd, onError },
    ),
  isFinal: (error) => error instanceof CallError && !error.retryable,
});

function open(sessionId: string): () => void {
  let stop = () => {};
  const gone = () => {
    const wasShown = conversationState.seq > 0;
    forgetSession(sessionId);
    if (leaveSession(sessionId)) notify(t(wasShown ? 'sessionDeleted' : 'sessionMissing'), 'wait');
  };
  const start = () => {
    reset();
    stop = new LogReader(createSource(sessionId), { take, receiveTail, join, gone, startAgain: start }).start();
  };
  start();
  return () => stop();
}

export function followCurrentSession(): void {
  effect(() => {
    const id = currentSessionId.value;
    if (id !== undefined) return open(id);
    reset();
    return undefined;
  });
}
