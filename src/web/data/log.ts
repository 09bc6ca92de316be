import { effect, signal } from '@preact/signals';
import type { Event } from '../../client/types.ts';
import { ConversationModel } from './model.ts';
import { CallError, follow, query } from './server.ts';
import { currentId } from './sessions.ts';

// Follows the log of the selected session from its start, and resumes after a lost connection.

interface Resync {
  readonly type: 'resync';
  readonly seq: number;
}
/** The server sends each event with an id, from which the client resumes. */
interface TrackedEvent {
  readonly data: Event | Resync;
}
const againMs = 1_000;
const historyPage = 1_000; // events

/** The view of the selected session. */
export const model = new ConversationModel();
/** All events of the selected session so far, in order; the array grows in place, and `eventCount` says so. */
export const events: Event[] = [];
export const eventCount = signal(0);
/** The page leaves a session that no longer exists. */
export const onGone: { leave: (id: string) => void } = { leave: () => {} };

const hearers = new Set<(event: Event) => void>();
/** Calls `hear` with each event of the selected session, also with old ones while they load. */
export function onEvent(hear: (event: Event) => void): () => void {
  hearers.add(hear);
  return () => void hearers.delete(hear);
}

let waiting: Event[] = [];
let timer: ReturnType<typeof setTimeout> | undefined;

function flush() {
  timer = undefined;
  const taken = waiting;
  waiting = [];
  events.push(...taken);
  model.take(taken);
  eventCount.value = events.length;
  for (const event of taken) for (const hear of hearers) tell(hear, event);
}

/** An event that one subscriber cannot read still reaches the others. */
function tell(hear: (event: Event) => void, event: Event): void {
  try {
    hear(event);
  } catch (error) {
    reportError(error);
  }
}

function reset() {
  clearTimeout(timer);
  timer = undefined;
  waiting = [];
  events.length = 0;
  eventCount.value = 0;
  model.clear();
}

/**
 * Reads the history in pages, then follows: a page is one frame, where the subscription has a frame for each event. The
 * returned function ends it.
 */
function open(sessionId: string): () => void {
  let seq = 0;
  let isOver = false;
  let end = () => {};
  // A missing session is final. After a temporary failure (a busy store, or a connection that broke because the page is
  // loaded again) the page waits and catches up.
  const failed = (error: unknown) => {
    if (isOver) return;
    if (error instanceof CallError && !error.retryable) return onGone.leave(sessionId);
    const again = setTimeout(start, againMs);
    end = () => clearTimeout(again);
  };
  const readHistory = async () => {
    for (let head = seq + 1; seq < head && !isOver; ) {
      const page = await query('events.list', { sessionId, afterSeq: seq, limit: historyPage });
      if (isOver) return;
      waiting.push(...page.events);
      clearTimeout(timer);
      flush();
      head = page.lastSeq;
      seq = page.events.at(-1)?.seq ?? head;
    }
  };
  const subscribe = () => {
    end = follow<TrackedEvent>(
      'events.subscribe',
      { sessionId, lastEventId: String(seq) },
      {
        onData({ data: event }) {
          if ((event as Resync).type === 'resync') {
            // The log no longer has the events after the cursor: shows the remaining ones from the start.
            end();
            seq = 0;
            reset();
            start();
            return;
          }
          seq = event.seq;
          waiting.push(event as Event);
          timer ??= setTimeout(flush, 16);
        },
        onEnd: () => onGone.leave(sessionId),
        onError: failed,
      },
    );
  };
  const start = () => void readHistory().then(() => isOver || subscribe(), failed);
  start();
  return () => {
    isOver = true;
    end();
  };
}

/** Follows the selected session, for the life of the page. */
export function followCurrent(): void {
  effect(() => {
    const id = currentId.value;
    reset();
    if (id !== undefined) return open(id);
    return undefined;
  });
}
