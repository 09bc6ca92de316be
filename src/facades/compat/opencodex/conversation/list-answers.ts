import { combineSignals, sleep } from '../../../../core/concurrency/cancel.ts';
import type { Clock } from '../../../../core/contracts/clock.ts';

interface Client {
  readonly chat: string;
  readonly caller: string;
}
interface Lists {
  open: number;
  answer: { readonly head: number; readonly at: number } | undefined;
  readonly waiting: Set<(head: number) => void>;
}
const recentMs = 2_000;
/** Maximum wait, in ms, for a client to request the list. An open request is not limited. */
const patienceMs = 5_000;
/** Time allowed for a browser to pass the response to the page, in ms. */
const arrivalMs = 100;
const maxClients = 1_000;

/** The list replaces everything that the oldest front end shows, so frames must not arrive before it. */
export class MessageListTracker {
  readonly #clock: Clock;
  readonly #clients = new Map<string, Lists>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Call the returned function when the response ends, with the list's last seq if the list was sent. */
  recordRequest(client: Client): (head: number | undefined) => void {
    const lists = this.#of(client);
    lists.open++;
    return (head) => {
      lists.open--;
      if (head === undefined) return;
      if (lists.waiting.size === 0) lists.answer = { head, at: this.#clock.now() };
      for (const wake of lists.waiting) wake(head);
    };
  }

  /** Resolves with the last seq in the client's list, or undefined if none was loaded. Rejects: cancelled. */
  async loaded(client: Client, signal: AbortSignal): Promise<number | undefined> {
    const lists = this.#of(client);
    const { answer } = lists;
    lists.answer = undefined;
    const isFresh = lists.open === 0 && answer !== undefined && this.#clock.now() - answer.at < recentMs;
    let head = isFresh ? answer.head : await this.#next(lists, signal);
    while (head === undefined && lists.open > 0) head = await this.#next(lists, signal);
    if (head !== undefined) await sleep(arrivalMs, signal, this.#clock);
    return head;
  }

  async #next({ waiting }: Lists, signal: AbortSignal): Promise<number | undefined> {
    const input = Promise.withResolvers<number>();
    const ended = new AbortController();
    const late = sleep(patienceMs, combineSignals([signal, ended.signal]), this.#clock);
    waiting.add(input.resolve);
    try {
      return await Promise.race([input.promise, late.then(() => undefined)]);
    } finally {
      waiting.delete(input.resolve);
      late.catch(() => {});
      ended.abort();
    }
  }

  #of({ chat, caller }: Client): Lists {
    const key = `${chat} ${caller}`;
    const lists: Lists = this.#clients.get(key) ?? { open: 0, answer: undefined, waiting: new Set() };
    this.#clients.delete(key); // keeps the most recently used entry at the end
    this.#clients.set(key, lists);
    const [oldest] = this.#clients.keys();
    if (this.#clients.size > maxClients && oldest !== undefined) this.#clients.delete(oldest);
    return lists;
  }
}
