import { sleep } from '../../../../core/concurrency/cancel.ts';
import type { Clock } from '../../../../core/contracts/clock.ts';

interface Client {
  readonly chat: string;
  readonly caller: string;
}
interface Lists {
  open: number;
  /** The newest answer that no socket has used yet. */
  answer: { readonly head: number; readonly at: number } | undefined;
  readonly waiting: Set<(head: number) => void>;
}
/** Maximum age of an answer. An older one belongs to an earlier load of the page. */
const recentMs = 2_000;
/** The longest wait for a client that has not requested the list. A pending request is always awaited. */
const patienceMs = 5_000;
/** Milliseconds that a browser takes to pass the answer to the page. */
const arrivalMs = 100;
const maxClients = 1_000;

/**
 * Remembers which clients loaded a chat's list of messages. The oldest version of the page opens its socket while it loads
 * the list, and the list then replaces everything shown. Frames that arrive before the list would be lost.
 */
export class MessageListTracker {
  readonly #clock: Clock;
  readonly #clients = new Map<string, Lists>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Call on a request for the list; call the returned function after the answer, with the last seq in the list. */
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

  /**
   * Resolves once the client has its list, with the last seq in the list; undefined: the client did not load one. Rejects:
   * cancelled.
   */
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
    const late = sleep(patienceMs, AbortSignal.any([signal, ended.signal]), this.#clock);
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
    this.#clients.delete(key); // keeps the newest at the end
    this.#clients.set(key, lists);
    const [oldest] = this.#clients.keys();
    if (this.#clients.size > maxClients && oldest !== undefined) this.#clients.delete(oldest);
    return lists;
  }
}
