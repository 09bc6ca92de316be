import type { SessionEvent } from '../../core/events.ts';
import type { SessionId } from '../../core/ids.ts';
import type { OpencodexDeps } from './context.ts';
import { derivedId } from './ids.ts';

// What one run says between two messages of the user is one message. A question ends it, and the answer's reply is the
// next one: as one message per run, an answer would stand below the reply to it. Leave that is given to a call is no
// message, so the run goes on with the one it had.

export const isAnswer = (event: SessionEvent): boolean =>
  event.type === 'run.resumed' && event.data.messageId !== undefined;

/** The ids of a run's messages: the first has the run's, each reply one of its own that its answer's place gives. */
export class Stretches {
  readonly #replies = new Map<string, string>();

  /** Of the message that this event belongs to. Must be shown each event of its run, or the last answer at least. */
  of(event: SessionEvent): string {
    const run = `${event.runId}`;
    if (event.type === 'run.started') this.#replies.delete(run);
    if (isAnswer(event)) this.#replies.set(run, derivedId('reply', { session: event.sessionId, seq: event.seq }));
    return this.#replies.get(run) ?? run;
  }
}

const smallest = 512;

/** What a run that is under way at a cursor has brought so far; found by looking back from there. */
export async function runBefore(
  { services }: Pick<OpencodexDeps, 'services'>,
  id: SessionId,
  cursor: number,
): Promise<SessionEvent[]> {
  for (let size = smallest; ; size *= 4) {
    const from = Math.max(0, cursor - size);
    const { events } = await services.sessions.page(id, from, cursor - from);
    const before = events.filter(({ seq }) => seq <= cursor);
    const start = before.findLastIndex(({ type }) => type === 'run.started');
    if (start >= 0) return before.slice(start);
    if (from === 0) return before;
  }
}
