import { splitThoughts } from '../../../agents/models/thoughts.ts';
import { deferredEventTypes } from '../../../core/model/event-traits.ts';
import type { FactOf, SessionFact } from '../../../core/model/events.ts';
import type { MessageId } from '../../../core/model/ids.ts';

// Events of `deferredEventTypes` wait until the open message is complete. Clients' messages and session changes are appended
// between its deltas. Any other fact first completes the message with the text so far.

const ofClients: ReadonlySet<string> = new Set(['message.user', 'title', 'session.updated']);

export class OpenMessage {
  #open: { fact: FactOf<'message.delta'>; text: string; rests?: boolean } | undefined;
  #held: SessionFact[] = [];

  get id(): MessageId | undefined {
    return this.#open?.fact.data.messageId;
  }

  /** A broken-off reply that the next reply can continue. */
  get begun(): { readonly id: MessageId; readonly text: string } | undefined {
    const { fact, text, rests } = this.#open ?? {};
    return fact && text !== undefined && rests ? { id: fact.data.messageId, text } : undefined;
  }

  arrange(facts: readonly SessionFact[]): SessionFact[] {
    return facts.flatMap((fact) => this.#place(fact));
  }

  #place(fact: SessionFact): SessionFact[] {
    const open = this.#open;
    if (fact.type === 'message.delta') {
      if (open?.fact.data.messageId === fact.data.messageId) {
        open.text += fact.data.text;
        open.rests = false;
        return [fact];
      }
      const before = this.close();
      this.#open = { fact, text: fact.data.text };
      return [...before, fact];
    }
    if (!open) return [fact];
    if (ofClients.has(fact.type)) return [fact];
    if (deferredEventTypes.has(fact.type)) {
      this.#held.push(fact);
      return [];
    }
    if (fact.type !== 'message.assistant' || fact.data.messageId !== open.fact.data.messageId) {
      return [...this.close(), fact];
    }
    this.#open = undefined;
    return [fact, ...this.#held.splice(0)];
  }

  rest(): void {
    if (this.#open) this.#open.rests = true;
  }

  close(): SessionFact[] {
    const open = this.#open;
    if (!open) return [];
    this.#open = undefined;
    const { messageId, thought } = open.fact.data;
    const whole: SessionFact = {
      type: 'message.assistant',
      runId: open.fact.runId,
      data: { messageId, text: splitThoughts(open.text).text, attachments: [], ...(thought && { thought }) },
    };
    return [whole, ...this.#held.splice(0)];
  }

  /** Continues a message that an earlier server process left open. */
  adopt(fact: FactOf<'message.delta'>, text: string): void {
    this.#open = { fact, text };
  }
}
