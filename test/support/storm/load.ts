import { setTimeout as sleep } from 'node:timers/promises';
import { api, fence } from '../api.ts';
import { openStream, type SeenEvent } from '../sse-client.ts';

/** What the clients of a storm were promised, and how often they got what they asked for. */
export interface Ledger {
  succeeded: number;
  failed: number;
  /** Texts whose message was answered with 200, by session. */
  readonly accepted: Map<string, string[]>;
  /** What each follower saw, by session. */
  readonly seen: Map<string, SeenEvent[]>;
  readonly deleted: Set<string>;
  /** Deletions that were asked for, answered or not. */
  readonly condemned: Set<string>;
}
export const ledger = (): Ledger => ({
  ...{ succeeded: 0, failed: 0, accepted: new Map(), seen: new Map(), deleted: new Set(), condemned: new Set() },
});

const patienceMs = 20_000;
const isNobodyThere = (error: unknown) =>
  error instanceof Error && (error.cause as { code?: string } | undefined)?.code === 'ECONNREFUSED';

export class Clients {
  readonly ledger = ledger();
  readonly sessions: string[] = [];
  readonly #url: string;
  readonly #api;
  readonly #stop = new AbortController();
  readonly #work: Promise<void>[] = [];
  #texts = 0;

  constructor(url: string) {
    this.#url = url;
    this.#api = api(url);
  }

  get api() {
    return this.#api;
  }

  /** Counts; `undefined`: it was refused, or nobody answered in time. Waits for a server that is not there just now. */
  async ask<Value>(act: () => Promise<Value>): Promise<Value | undefined> {
    for (const until = performance.now() + patienceMs; ; await sleep(500)) {
      const late = sleep(patienceMs).then(() => Promise.reject(new Error('no answer in time')));
      late.catch(() => {});
      try {
        const value = await Promise.race([act(), late]);
        this.ledger.succeeded += 1;
        return value;
      } catch (error) {
        if (isNobodyThere(error) && performance.now() < until) continue;
        this.ledger.failed += 1;
        await sleep(500); // as clients do that know what a retry is
        return undefined;
      }
    }
  }

  async create(): Promise<void> {
    const id = await this.ask(() => this.#api.create());
    if (id === undefined) return;
    this.sessions.push(id);
    this.#work.push(this.#drive(id), this.#follow(id));
  }

  async send(id: string, command: string, mode?: string): Promise<boolean> {
    const text = `Task ${++this.#texts}\n${fence('sh', command.replaceAll('TASK', String(this.#texts)))}`;
    const isSent = await this.ask(async () => {
      await this.#api.send(id, text, mode);
      return true;
    });
    if (isSent) this.ledger.accepted.set(id, [...(this.ledger.accepted.get(id) ?? []), text]);
    return isSent ?? false;
  }

  async delete(id: string): Promise<void> {
    this.ledger.condemned.add(id);
    const at = this.sessions.indexOf(id);
    if (at >= 0) this.sessions.splice(at, 1);
    const answer = await this.ask(() => this.#api.remove(id));
    if (answer?.status === 200 || answer?.status === 404) this.ledger.deleted.add(id);
  }

  /** No new work; resolves when nobody asks any more. */
  async rest(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#work);
  }

  #isOver = (id: string) => this.#stop.signal.aborted || this.ledger.condemned.has(id);

  async #drive(id: string): Promise<void> {
    while (!this.#isOver(id)) {
      const status = await this.ask(() => this.#api.status(id));
      if (status === undefined || status === 'running') await sleep(250);
      else
        await this.send(id, 'echo TASK.1 >> ran; for i in 1 2 3; do echo line $i; sleep 0.1; done; echo TASK.2 >> ran');
    }
  }

  /** Reads the session's events by its cursor, over as many connections as it takes. */
  async #follow(id: string): Promise<void> {
    const seen: SeenEvent[] = [];
    this.ledger.seen.set(id, seen);
    while (!this.#isOver(id)) {
      const headers = { 'last-event-id': seen.at(-1)?.id ?? '0' };
      const opened = await Promise.race([
        openStream(`${this.#url}/api/v1/sessions/${id}/events`, { headers }).catch(() => undefined),
        sleep(5_000),
      ]);
      if (!opened) {
        await sleep(200);
        continue;
      }
      using stream = opened;
      let isOpen = stream.status === 200;
      void stream.ended.then(() => {
        isOpen = false;
      });
      const until = performance.now() + 15_000; // what is not read again and again stays small
      while (isOpen && !this.#isOver(id) && performance.now() < until) await sleep(100);
      seen.push(...stream.events().filter((event) => event.id !== undefined));
      if (stream.status !== 200) await sleep(300);
    }
  }
}
