import { createTimeoutSignal } from '../../core/concurrency/cancel.ts';
import { ServerComponent, type ServerDependencies } from '../../core/contracts/server-parts.ts';
import type { SealedValue } from '../../core/contracts/vault.ts';
import { ignoreNotFound, toAppError } from '../../core/errors/errors.ts';
import { parseRetryAfter } from '../../core/errors/retry-after.ts';
import type { Secret } from '../../core/text/secret.ts';
import { truncateEnd } from '../../core/text/text.ts';
import type { WebhookPause } from '../../sessions/api/server/webhooks.ts';
import { createRecordWorkLoop, maxLoopDelayMs } from '../rounds.ts';
import type { WebhookOutbox } from './outbox.ts';
import {
  computeDeliveryRetryMs,
  type PendingDelivery,
  type StoredWebhook,
  type StoredWebhookDelivery,
  type WebhookRecords,
} from './records.ts';
import type { WebhookOutboxRouter } from './router.ts';
import { buildSignatureHeaders } from './signature.ts';

/** Does not follow redirects, and refuses private addresses that the operator has not allowed. */
export type WebhookFetch = (url: string, init: RequestInit) => Promise<Response>;
interface Deps extends Pick<ServerDependencies, 'clock' | 'warn'> {
  readonly records: WebhookRecords;
  readonly outbox: WebhookOutbox;
  readonly router: WebhookOutboxRouter;
  readonly send: WebhookFetch;
  readonly secretOf: (id: string, sealed: SealedValue) => Secret;
  readonly leads: () => Promise<boolean>;
  readonly shared: boolean;
  readonly random: () => number;
  readonly count?: (outcome: 'delivered' | 'again' | 'failed') => void;
}
interface Answer {
  readonly statusCode: number | null;
  readonly error: string;
  readonly retryAfterMs?: number | undefined;
}
interface Queue {
  readonly owner: string | undefined;
  readonly waiting: PendingDelivery[];
  readonly hasMore: boolean;
}
/** `tries`: consecutive attempts without a response. `until`: end of the suspension, epoch ms. */
interface SilentEndpoint {
  readonly tries: number;
  readonly until: number;
}

const batch = { ofAll: 200, ofOneEndpoint: 32 };
const most = { atOnce: 32, ofOneOwner: 8, ofOneEndpoint: 4 };
const silence = { tries: 3, restMs: 60_000, longestRestMs: 3_600_000 };
const deadlineMs = 15_000;
const longestPatienceMs = 24 * 3_600_000;
const maxAnswerBytes = 64 * 1024;
const maxFailures = 20; // consecutive deliveries that failed permanently

/** Owners take turns. After a suspension, an endpoint gets one attempt at a time. */
export class WebhookDeliverer extends ServerComponent<Deps> {
  readonly #atWork = new Map<string, { webhookId: string; owner: string | undefined; done: Promise<void> }>();
  #queues = new Map<string, Queue>();
  /** An endpoint is removed when it answers, or an hour after its suspension ends. */
  readonly #silent = new Map<string, SilentEndpoint>();
  /** Owners that had a turn and have queued deliveries, least recently served first. */
  #turns: (string | undefined)[] = [];
  readonly #rounds = createRecordWorkLoop(this.deps.shared, {
    ...this.deps,
    failure: 'webhooks could not be delivered; trying again',
    round: (signal) => this.round(signal),
  });

  wake = (): void => {
    this.#rounds.wake();
  };

  async run(signal: AbortSignal): Promise<void> {
    await this.#rounds.run(signal);
    await this.settled();
  }

  /** Resolves with the delay until the next round, in ms. */
  async round(signal: AbortSignal): Promise<number> {
    const { records, outbox, router, leads } = this.deps;
    outbox.open(await records.areAny());
    if (!(await leads())) return maxLoopDelayMs.shared;
    const { dueInMs, suspended } = await this.#findDue();
    this.#fill(signal);
    await Promise.all(suspended.map((one) => this.#postpone(one)));
    const hasRouted = await router.round();
    if (hasRouted || suspended.length > 0) return 0;
    // The outbox may contain a pause or start that is not stored yet, so the next round follows soon.
    const isEarly = (await outbox.oldest(1)).length > 0;
    return Math.min(dueInMs, isEarly ? maxLoopDelayMs.shared : maxLoopDelayMs.alone);
  }

  async settled(): Promise<void> {
    while (this.#atWork.size > 0) await Promise.all([...this.#atWork.values()].map(({ done }) => done));
  }

  async #findDue(): Promise<{ readonly dueInMs: number; readonly suspended: PendingDelivery[] }> {
    const { records, clock } = this.deps;
    const now = clock.now();
    for (const [id, { until }] of this.#silent) if (until + silence.longestRestMs < now) this.#silent.delete(id);
    const found = await records.earliest(batch.ofAll);
    const isFull = found.length === batch.ofAll && found.every(({ nextAt }) => nextAt <= now);
    const byEndpoint = Map.groupBy(found, ({ webhookId }) => webhookId);
    // A full batch may omit endpoints whose deliveries became due later.
    const hidden = (isFull ? await records.list() : []).filter(({ id }) => !byEndpoint.has(id));
    await Promise.all(
      hidden.map(async ({ id }) => byEndpoint.set(id, await records.earliest(batch.ofOneEndpoint, id))),
    );
    const queues = new Map<string, Queue>();
    const suspended: PendingDelivery[] = [];
    const readQueue = async ([id, pending]: [string, PendingDelivery[]]) => {
      const due = pending.filter((one) => one.nextAt <= now && !this.#atWork.has(one.id));
      const rest = this.#silent.get(id)?.until ?? 0;
      const waiting = due.filter(({ type }) => rest <= now || type === 'webhook.test');
      suspended.push(...due.filter((one) => !waiting.includes(one)));
      const owner = waiting.length > 0 ? (await records.find(id))?.owner : undefined;
      if (waiting.length > 0) queues.set(id, { owner, waiting, hasMore: isFull });
    };
    await Promise.all([...byEndpoint].map(readQueue));
    this.#queues = queues;
    this.#turns = this.#turns.filter((owner) => [...queues.values()].some((queue) => queue.owner === owner));
    const dueInMs = Math.min(...found.filter(({ nextAt }) => nextAt > now).map(({ nextAt }) => nextAt - now));
    return { dueInMs, suspended };
  }

  async #postpone({ id, webhookId, nextAt }: PendingDelivery): Promise<void> {
    const found = await this.deps.records.findPending(id);
    const until = this.#silent.get(webhookId)?.until ?? nextAt;
    if (found) await this.deps.records.putPending({ ...found.doc, nextAt: until }, found.version);
  }

  #fill(signal: AbortSignal): void {
    while (this.#atWork.size < most.atOnce) {
      const next = this.#next();
      if (!next) return;
      const [webhookId, { owner, waiting, hasMore }] = next;
      const { id } = waiting.shift() as PendingDelivery;
      if (waiting.length === 0) this.#queues.delete(webhookId);
      if (this.#atWork.has(id)) continue; // its attempt started while the round was reading
      this.#turns = [...this.#turns.filter((one) => one !== owner), owner];
      const done = this.#work(id, signal).then((isOver) => {
        if (this.#queues.size === 0 || (!this.#queues.has(webhookId) && (hasMore || !isOver))) this.wake();
      });
      this.#atWork.set(id, { webhookId, owner, done });
    }
  }

  /** Prefers the owner with the fewest attempts in progress, then the one that has waited longest. */
  #next(): [id: string, queue: Queue] | undefined {
    const atWork = [...this.#atWork.values()];
    const ofOwner = (owner: string | undefined) => atWork.filter((one) => one.owner === owner).length;
    const ofEndpoint = (id: string) => atWork.filter(({ webhookId }) => webhookId === id).length;
    const hasRoom = (id: string, { owner }: Queue) =>
      ofOwner(owner) < most.ofOneOwner && ofEndpoint(id) < (this.#isSilent(id) ? 1 : most.ofOneEndpoint);
    return [...this.#queues]
      .filter(([id, queue]) => hasRoom(id, queue))
      .sort(
        ([a, { owner: one }], [b, { owner: other }]) =>
          ofOwner(one) - ofOwner(other) ||
          this.#turns.indexOf(one) - this.#turns.indexOf(other) ||
          ofEndpoint(a) - ofEndpoint(b),
      )[0];
  }

  #isSilent = (webhookId: string): boolean => (this.#silent.get(webhookId)?.tries ?? 0) >= silence.tries;

  /** Resolves with true if no further attempt is needed. */
  async #work(id: string, signal: AbortSignal): Promise<boolean> {
    const { leads, warn } = this.deps;
    let isOver = false;
    try {
      isOver = await this.#try(id, signal);
    } catch (thrown) {
      if (!signal.aborted) warn({ err: thrown }, 'the outcome of a delivery could not be stored');
    }
    if (signal.aborted || !(await leads().catch(() => false))) this.#queues.clear();
    this.#atWork.delete(id);
    this.#fill(signal);
    return isOver;
  }

  async #try(id: string, signal: AbortSignal): Promise<boolean> {
    const { records, clock, random, count = () => {} } = this.deps;
    const found = await records.findPending(id);
    if (!found || (found.doc.nextAt ?? 0) > clock.now()) return true;
    const { doc: delivery, version } = found;
    const endpoint = await records.find(delivery.webhookId);
    if (!endpoint) {
      await records.forget(delivery.id);
      return true;
    }
    const over = async (how: Partial<StoredWebhookDelivery>) => {
      await records.end({ ...delivery, nextAt: null, triesLeft: 0, endedAt: clock.now(), ...how });
      return true;
    };
    if (endpoint.paused)
      return await over({ state: 'failed', error: 'The webhook is paused. Resume it, and send this again.' });
    const { statusCode, error, retryAfterMs = 0 } = await this.#send(endpoint, delivery, signal);
    if (signal.aborted && error !== '') return false; // the server is stopping: the next server retries
    const restsUntil = this.#noteSilence(endpoint.id, error !== '' && statusCode === null);
    const tries = delivery.tries + 1;
    const triesLeft = delivery.triesLeft - 1;
    if (error === '') {
      await over({ state: 'delivered', tries, statusCode, error });
      count('delivered');
      await this.#note(endpoint, (now) => (now.failures === 0 ? undefined : { ...now, failures: 0 }));
      return true;
    }
    const isGone = statusCode === 410;
    if (!isGone && triesLeft > 0) {
      const pauseMs = Math.max(computeDeliveryRetryMs(triesLeft, random()), Math.min(retryAfterMs, longestPatienceMs));
      const nextAt = Math.max(clock.now() + pauseMs, restsUntil);
      await records.putPending({ ...delivery, tries, triesLeft, statusCode, error, nextAt }, version);
      count('again');
      return false;
    }
    await over({ state: 'failed', tries, statusCode, error });
    count('failed');
    if (isGone) {
      const text = 'Its endpoint answered 410: it no longer exists.';
      await this.#note(endpoint, (now) => pausedBy(now, { by: 'gone', text, at: clock.now() }));
    } else if (delivery.type !== 'webhook.test') {
      await this.#note(endpoint, (now) => {
        const failures = now.failures + 1;
        const text = `It was paused after ${failures} consecutive failed deliveries.`;
        const counted = { ...now, failures };
        return failures < maxFailures ? counted : pausedBy(counted, { by: 'failures', text, at: clock.now() });
      });
    }
    return true;
  }

  /** Returns the suspension's end in epoch ms, or 0. */
  #noteSilence(webhookId: string, isSilent: boolean): number {
    const now = this.deps.clock.now();
    const before = this.#silent.get(webhookId);
    if (!isSilent) {
      this.#silent.delete(webhookId);
      return 0;
    }
    const tries = (before?.tries ?? 0) + 1;
    // Attempts that started together before the suspension do not extend it.
    if (before && before.until > now) return before.until;
    const ms = Math.min(silence.restMs * 2 ** (tries - silence.tries), silence.longestRestMs);
    const until = tries < silence.tries ? 0 : now + ms;
    this.#silent.set(webhookId, { tries, until: until || now });
    if (until > 0) {
      this.#queues.delete(webhookId);
      this.wake();
    }
    return until;
  }

  async #note({ id }: StoredWebhook, change: (now: StoredWebhook) => StoredWebhook | undefined): Promise<void> {
    await this.deps.records.change(id, change).catch(ignoreNotFound);
  }

  async #send(
    { id, url, sealed }: StoredWebhook,
    delivery: StoredWebhookDelivery,
    signal: AbortSignal,
  ): Promise<Answer> {
    const { send, secretOf, clock } = this.deps;
    using deadline = createTimeoutSignal(deadlineMs, clock, signal);
    try {
      const { messageId, body } = delivery;
      const timestamp = Math.floor(clock.now() / 1_000);
      const signed = buildSignatureHeaders(secretOf(id, sealed).reveal(), { id: messageId, timestamp, body });
      const headers = { 'content-type': 'application/json', 'user-agent': 'Corral', ...signed };
      const answer = await send(url, { method: 'POST', headers, body, redirect: 'manual', signal: deadline.signal });
      await readAtMost(maxAnswerBytes, answer).catch(() => {}); // only the status matters, so a truncated body is fine
      const { status } = answer;
      if (answer.ok) return { statusCode: status, error: '' };
      const retryAfterMs = parseRetryAfter(answer.headers.get('retry-after') ?? undefined, clock.now());
      return { statusCode: status, error: refusalOf(url, answer), retryAfterMs };
    } catch (thrown) {
      if (deadline.signal.aborted) return { statusCode: null, error: 'The endpoint did not answer within 15 seconds.' };
      return { statusCode: null, error: toAppError(thrown).publicMessage };
    }
  }
}

const pausedBy = (now: StoredWebhook, paused: WebhookPause): StoredWebhook => (now.paused ? now : { ...now, paused });

function refusalOf(url: string, { status, headers }: Response): string {
  const location = headers.get('location');
  if (status < 300 || status >= 400 || location === null) return `It answered ${status}.`;
  const target = truncateEnd(URL.canParse(location, url) ? new URL(location, url).href : location, 300);
  return `It answered ${status}, a redirect to ${target}. Redirects are not followed: change the webhook's address.`;
}

/** Lets the receiver finish sending a short response. */
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
