import { setTimeout as sleep } from 'node:timers/promises';
import { api, fence } from '../clients/api.ts';
import { openStream, type SeenEvent } from '../clients/sse-client.ts';

/** The promises that the server made to the clients of a storm, and the numbers of successes and failures. */
export interface Ledger {
  succeeded: number;
  failed: number;
  /** By session, the messages that the server answered with 200. */
  readonly accepted: Map<string, string[]>;
  /** By session, the events that the follower got. */
  readonly seen: Map<string, SeenEvent[]>;
  readonly deleted: Set<string>;
  /** Sessions whose deletion was requested, answered or not. */
  readonly condemned: Set<string>;
}
export const ledger = (): Ledger => ({
  succeeded: 0,
  failed: 0,
  accepted: new Map(),
  seen: new Map(),
  deleted: new Set(),
  condemned: new Set(),
});

const patienceMs = 20_000;
const isNobodyThere = (error: unknown) =>
  error instanceof Error && (error.cause as { code?: string } | undefined)?.code === 'ECONNREFUSED';

export class Clients {
  readonly ledger = ledger();
  readonly sessions: string[] = [];
  readonly #url: string;
  readonly api;
  readonly #stop = new AbortController();
  readonly #work: Promise<void>[] = [];
  #texts = 0;

  constructor(url: string) {
    this.#url = url;
    this.api = api(url);
  }

  /** Counts the outcome. Resolves with undefined if the server refused or was late. Retries while no server listens. */
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
        await sleep(500); // like well-behaved clients, waits before a retry
        return undefined;
      }
    }
  }

  async create(): Promise<void> {
    const id = await this.ask(() => this.api.create());
    if (id === undefined) return;
    this.sessions.push(id);
    this.#work.push(this.#drive(id), this.#follow(id));
  }

  async send(id: string, command: string, mode?: string): Promise<boolean> {
    const text = `Task ${++this.#texts}\n${fence('sh', command.replaceAll('TASK', String(this.#texts)))}`;
    const isSent = await this.ask(async () => {
      await this.api.send(id, text, mode);
      return true;
    });
    if (isSent) this.ledger.accepted.set(id, [...(this.ledger.accepted.get(id) ?? []), text]);
    return isSent ?? false;
  }

  async delete(id: string): Promise<void> {
    this.ledger.condemned.add(id);
    const at = this.sessions.indexOf(id);
    if (at >= 0) this.sessions.splice(at, 1);
    const answer = await this.ask(() => this.api.remove(id));
    if (answer?.status === 200 || answer?.status === 404) this.ledger.deleted.add(id);
  }

  /** Starts no new work; resolves when all requests are over. */
  async rest(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#work);
  }

  #isOver = (id: string) => this.#stop.signal.aborted || this.ledger.condemned.has(id);

  async #drive(id: string): Promise<void> {
    while (!this.#isOver(id)) {
      const status = await this.ask(() => this.api.status(id));
      if (status === undefined || status === 'running') await sleep(250);
      else
        await this.send(id, 'echo TASK.1 >> ran; for i in 1 2 3; do echo line $i; sleep 0.1; done; echo TASK.2 >> ran');
    }
  }

  /** Reads the session's events with its cursor, over as many connections as needed. */
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
      const until = performance.now() + 15_000; // bounds the text that one connection collects
      while (isOpen && !this.#isOver(id) && performance.now() < until) await sleep(100);
      seen.push(...stream.events().filter((event) => event.id !== undefined));
      if (stream.status !== 200) await sleep(300);
    }
  }
}
