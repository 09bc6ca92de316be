import { deadlineSignal } from '../../core/concurrency/cancel.ts';
import type { Rounds } from '../../core/concurrency/rounds.ts';
import type { Clock } from '../../core/contracts/clock.ts';
import type { SealedValue } from '../../core/contracts/vault.ts';
import { toAppError, unlessNotFound } from '../../core/errors/errors.ts';
import type { Secret } from '../../core/text/secret.ts';
import type { WebhookPause } from '../../sessions/api/server/webhooks.ts';
import type { Versioned } from '../records.ts';
import { lookMs, roundsOver } from '../rounds.ts';
import type { Outbox } from './outbox.ts';
import type { Delivery, StoredWebhook, WebhookRecords } from './records.ts';
import { pauseBefore } from './retries.ts';
import type { Router } from './router.ts';
import { signedHeaders } from './signature.ts';

/** A fetch that follows no redirect, and refuses private addresses that no operator allowed. */
export type SendRequest = (url: string, init: RequestInit) => Promise<Response>;
interface Deps {
  readonly records: WebhookRecords;
  readonly outbox: Outbox;
  readonly router: Router;
  readonly send: SendRequest;
  readonly secretOf: (id: string, sealed: SealedValue) => Secret;
  /** Whether this server delivers now. */
  readonly leads: () => Promise<boolean>;
  /** Whether other servers change the records too. */
  readonly shared: boolean;
  readonly clock: Clock;
  /** A number from 0 to 1. */
  readonly random: () => number;
  readonly count?: (outcome: 'delivered' | 'again' | 'failed') => void;
  readonly warn: (about: object, text: string) => void;
}
type Answer = { readonly statusCode: number | null; readonly error: string };

const batch = 1_000;
const most = { atOnce: 32, ofOneEndpoint: 4 };
const deadlineMs = 15_000;
const maxAnswerBytes = 64 * 1024;
const maxFailures = 20; // deliveries in a row that failed for good

/** Sends what is due, and again what failed, until it succeeds or the tries are used up. */
export class Deliverer {
  readonly #deps: Deps;
  /** The deliveries that are being tried, and their endpoints. */
  readonly #atWork = new Map<string, { readonly webhookId: string; readonly done: Promise<void> }>();
  readonly #rounds: Rounds;

  constructor(deps: Deps) {
    this.#deps = deps;
    const failure = 'webhooks could not be delivered; trying again';
    this.#rounds = roundsOver(deps.shared, { ...deps, failure, round: (signal) => this.round(signal) });
  }

  /** Begins a round at once: there may be something to send. */
  wake = (): void => {
    this.#rounds.wake();
  };

  /** Runs until the signal fires, and then waits for the tries that it ends. */
  async run(signal: AbortSignal): Promise<void> {
    await this.#rounds.run(signal);
    await this.settled();
  }

  /** Begins the tries that are due. Resolves with the time until something is due, in ms. */
  async round(signal: AbortSignal): Promise<number> {
    const { records, outbox, router, leads, clock } = this.#deps;
    outbox.open(await records.areAny());
    if (!(await leads())) return lookMs.shared;
    const hasMore = await router.round();
    const found = await records.earliest(batch);
    const now = clock.now();
    for (const delivery of found) {
      if ((delivery.doc.nextAt ?? 0) > now || !this.#hasRoom(delivery.doc)) continue;
      const { id, webhookId } = delivery.doc;
      const done = this.#try(delivery, signal)
        .catch((thrown: unknown) => {
          if (!signal.aborted) this.#deps.warn({ err: thrown }, 'the outcome of a delivery could not be stored');
        })
        .finally(() => {
          this.#atWork.delete(id);
          this.wake();
        });
      this.#atWork.set(id, { webhookId, done });
    }
    if (hasMore) return 0;
    const later = found.map(({ doc }) => doc.nextAt ?? 0).filter((at) => at > now);
    // An announced pause of an automation is looked at again.
    const isEarly = (await outbox.oldest(1)).length > 0;
    return Math.min(...later.map((at) => at - now), isEarly ? lookMs.shared : lookMs.alone);
  }

  /** Resolves when no try is under way. */
  async settled(): Promise<void> {
    while (this.#atWork.size > 0) await Promise.all([...this.#atWork.values()].map(({ done }) => done));
  }

  #hasRoom({ id, webhookId }: Delivery): boolean {
    const all = [...this.#atWork.values()];
    if (this.#atWork.has(id) || all.length >= most.atOnce) return false;
    return all.filter((one) => one.webhookId === webhookId).length < most.ofOneEndpoint;
  }

  async #try({ doc: delivery, version }: Versioned<Delivery>, signal: AbortSignal): Promise<void> {
    const { records, clock, random, count = () => {} } = this.#deps;
    const endpoint = await records.find(delivery.webhookId);
    if (!endpoint) return await records.forget(delivery.id);
    const over = (how: Partial<Delivery>) =>
      records.end({ ...delivery, nextAt: null, triesLeft: 0, endedAt: clock.now(), ...how });
    if (endpoint.paused)
      return await over({ state: 'failed', error: 'The webhook is paused. Resume it, and send this again.' });
    const { statusCode, error } = await this.#send(endpoint, delivery, signal);
    if (signal.aborted && error !== '') return; // the server ends: the next one tries again
    const tries = delivery.tries + 1;
    const triesLeft = delivery.triesLeft - 1;
    if (error === '') {
      await over({ state: 'delivered', tries, statusCode, error });
      count('delivered');
      return await this.#note(endpoint, (now) => (now.failures === 0 ? undefined : { ...now, failures: 0 }));
    }
    const isGone = statusCode === 410;
    if (!isGone && triesLeft > 0) {
      const nextAt = clock.now() + pauseBefore(triesLeft, random());
      await records.putPending({ ...delivery, tries, triesLeft, statusCode, error, nextAt }, version);
      count('again');
      return;
    }
    await over({ state: 'failed', tries, statusCode, error });
    count('failed');
    if (isGone) {
      const text = 'Its endpoint answered 410: it is gone for good.';
      return await this.#note(endpoint, (now) => pausedBy(now, { by: 'gone', text, at: clock.now() }));
    }
    if (delivery.type === 'webhook.test') return;
    await this.#note(endpoint, (now) => {
      const failures = now.failures + 1;
      const text = `It paused itself after ${failures} deliveries in a row that failed.`;
      const counted = { ...now, failures };
      return failures < maxFailures ? counted : pausedBy(counted, { by: 'failures', text, at: clock.now() });
    });
  }

  /** The endpoint may have been deleted meanwhile. */
  async #note({ id }: StoredWebhook, change: (now: StoredWebhook) => StoredWebhook | undefined): Promise<void> {
    await this.#deps.records.change(id, change).catch(unlessNotFound);
  }

  async #send({ id, url, sealed }: StoredWebhook, delivery: Delivery, signal: AbortSignal): Promise<Answer> {
    const { send, secretOf, clock } = this.#deps;
    using deadline = deadlineSignal(deadlineMs, clock, signal);
    try {
      const { messageId, body } = delivery;
      const timestamp = Math.floor(clock.now() / 1_000);
      const signed = signedHeaders(secretOf(id, sealed).reveal(), { id: messageId, timestamp, body });
      const headers = { 'content-type': 'application/json', 'user-agent': 'Corral', ...signed };
      const answer = await send(url, { method: 'POST', headers, body, redirect: 'manual', signal: deadline.signal });
      await readAtMost(maxAnswerBytes, answer);
      const { status } = answer;
      return { statusCode: status, error: answer.ok ? '' : refusalOf(status) };
    } catch (thrown) {
      if (deadline.signal.aborted) return { statusCode: null, error: 'There was no answer within 15 seconds.' };
      return { statusCode: null, error: toAppError(thrown).publicMessage };
    }
  }
}

const pausedBy = (now: StoredWebhook, paused: WebhookPause): StoredWebhook => (now.paused ? now : { ...now, paused });

const refusalOf = (status: number): string =>
  status >= 300 && status < 400
    ? `It answered ${status}, a redirect, which is not followed. Give the webhook the address that it leads to.`
    : `It answered ${status}.`;

/** The content says nothing to the server. A receiver that is read to its end has sent its whole answer. */
async function readAtMost(bytes: number, { body }: Response): Promise<void> {
  if (!body) return;
  const reader = body.getReader();
  let read = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    read += value.byteLength;
    if (read >= bytes) return await reader.cancel();
  }
}
