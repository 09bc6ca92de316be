import type { SessionEvent } from '../../../core/model/events.ts';
import type { MessageId, RunId, SessionId } from '../../../core/model/ids.ts';
import type { SessionService } from '../../../sessions/api/sessions.ts';

export type ClientProfile = 'crogia' | 'cambioml';
/** `parted`: after a blank line, for clients that concatenate a run's messages. */
export type TextDelivery = 'skip' | 'plain' | 'parted';

/** Lets a resumed stream send the same frames as an uninterrupted one. */
export interface TextDeliveryState {
  readonly seq: number;
  /** The message whose deltas the client has partly received. Null if there is none. */
  readonly open: MessageId | null;
  readonly spoken: RunId | null;
}

export class TextDeliveryTracker {
  readonly #profile: ClientProfile;
  #seq: number;
  #open: MessageId | null;
  #spoken: RunId | null;
  #torn: MessageId | null = null;

  constructor(profile: ClientProfile, { seq, open, spoken }: TextDeliveryState) {
    this.#profile = profile;
    this.#seq = seq;
    this.#open = open;
    this.#spoken = spoken;
  }

  next(event: SessionEvent): TextDelivery {
    const hole = event.seq !== this.#seq + 1;
    this.#seq = event.seq;
    if (event.type === 'message.delta') return this.#delta(event, hole);
    if (event.type === 'message.assistant') return this.#message(event);
    return 'plain';
  }

  #delta(
    { runId, data: { messageId } }: Extract<SessionEvent, { type: 'message.delta' }>,
    hole: boolean,
  ): TextDelivery {
    if (this.#profile === 'cambioml' || this.#torn === messageId) return 'skip';
    if (this.#open === messageId) return 'plain';
    if (hole) {
      this.#torn = messageId; // the beginning was dropped, so the whole message is sent once it is complete
      return 'skip';
    }
    this.#open = messageId;
    return this.#speak(runId);
  }

  #message({ runId, data }: Extract<SessionEvent, { type: 'message.assistant' }>): TextDelivery {
    const carried = this.#profile === 'crogia' && this.#open === data.messageId;
    this.#open = null;
    if (carried || data.text === '') return 'skip';
    return this.#speak(runId);
  }

  #speak(runId: RunId | null): TextDelivery {
    const further = runId !== null && this.#spoken === runId;
    this.#spoken = runId;
    return further && this.#profile === 'crogia' ? 'parted' : 'plain';
  }
}

const pageSize = 200;

export async function readTextDeliveryState(
  sessions: Pick<SessionService, 'page'>,
  id: SessionId,
  seq: number,
): Promise<TextDeliveryState> {
  if (seq === 0) return { seq, open: null, spoken: null };
  const at = await sessions.page(id, seq - 1, 1);
  const open = openAt(seq, at.events[0]);
  if (open) return { seq, open: open.data.messageId, spoken: open.runId };
  // A client's cursor may be ahead of the log.
  for (let upTo = Math.min(seq, at.head); upTo > 0; upTo -= pageSize) {
    const { events } = await sessions.page(id, Math.max(0, upTo - pageSize), pageSize);
    const last = events.findLast((event) => event.seq <= upTo && telling.has(event.type));
    if (last) return { seq, open: null, spoken: last.type === 'run.started' ? null : last.runId };
  }
  return { seq, open: null, spoken: null };
}

const telling = new Set<SessionEvent['type']>(['message.delta', 'message.assistant', 'run.started']);

function openAt(seq: number, at: SessionEvent | undefined) {
  if (at?.type === 'message.delta') return at;
  return at?.type === 'message.assistant' && at.seq > seq ? at : undefined;
}
