import type { IncomingMessage } from 'node:http';
import type { V1Pod } from '@kubernetes/client-node';
import { pause } from '../../../src/core/concurrency/cancel.ts';
import type { Clock } from '../../../src/core/contracts/clock.ts';
import { AppError, toAppError } from '../../../src/core/errors/errors.ts';
import type { KubeApi } from '../api/api.ts';
import type { Collection, KubeObject } from '../api/collection.ts';
import { statusOf } from '../api/status.ts';
import { PodTable, uidOf } from './pod-table.ts';

type Listener<T> = (object: T | undefined) => void;

/**
 * Watches this installation's objects of one kind from the first call of `follow`. The informer of
 * `@kubernetes/client-node` ends at the first error, keeps whole objects, and cannot use a list that its caller made.
 */
export interface ObjectWatch<T extends KubeObject> extends AsyncDisposable {
  /** Calls the listener with the latest known state, with each later one, and with undefined once the object is gone. */
  follow(object: T, listener: Listener<T>): Disposable;
  /** Lists all objects. Also reports to listeners what the watch missed, so the watch can list less often. */
  list(signal: AbortSignal): Promise<T[]>;
}
export type PodWatch = ObjectWatch<V1Pod>;
interface Options<T extends KubeObject> {
  readonly api: KubeApi;
  readonly objects: Pick<Collection<T>, 'path' | 'what' | 'list'>;
  readonly selector: string;
  /** The part of an object that stays in memory. */
  readonly keep: (object: T) => T;
  readonly clock: Clock;
  readonly random: () => number;
  readonly onTrouble: ((error: AppError) => void) | undefined;
}

/**
 * Objects are listed this often even while the watch works, which limits the delay if it silently stops. Lists requested
 * by callers count.
 */
const listEveryMs = 25_000;
const tellEveryMs = 60_000;

export function watchObjects<T extends KubeObject>(options: Options<T>): ObjectWatch<T> {
  const { api, objects, selector, keep, clock, random, onTrouble } = options;
  const followers = new Map<string, Set<Listener<T>>>();
  const table = new PodTable<T>(keep, (uid, pod) => {
    for (const listener of [...(followers.get(uid) ?? [])]) listener(pod);
  });
  const stop = new AbortController();
  const { signal } = stop;
  const query = `labelSelector=${encodeURIComponent(selector)}`;
  const what = `watch ${objects.what}`;
  let toldAt = Number.NEGATIVE_INFINITY;

  let listedAt = Number.NEGATIVE_INFINITY;
  async function list(until: AbortSignal, tries?: number): Promise<{ items: T[]; version: string }> {
    const askedAt = clock.now();
    const { items, version } = await objects.list({ selector, keep, ...(tries !== undefined && { tries }) }, until);
    table.listed(items, version);
    listedAt = askedAt;
    return { items, version };
  }

  /**
   * Watches until the stream ends. Resolves with the version to continue from, or undefined if a new list is needed.
   */
  async function watch(from: string, until: AbortSignal): Promise<string | undefined> {
    const more = `watch=true&allowWatchBookmarks=true&timeoutSeconds=240&resourceVersion=${from}`;
    let version = from;
    let response: IncomingMessage | undefined;
    try {
      response = await api.stream({ method: 'GET', path: `${objects.path}?${query}&${more}`, what }, until);
      for await (const line of linesOf(response)) {
        const { type, object } = JSON.parse(line) as { type: string; object: T };
        if (type === 'ERROR') return undefined; // 410: the version is too old to continue from
        version = object.metadata?.resourceVersion ?? version;
        if (type === 'DELETED') table.deleted(object);
        else if (type !== 'BOOKMARK') table.seen(object);
      }
      return version;
    } catch (error) {
      if (until.aborted) return undefined;
      if (response) return version; // the stream was cut off, perhaps in the middle of a line
      if (statusOf(error) === 410) return undefined;
      throw error;
    } finally {
      response?.destroy();
    }
  }

  /** Lists once, then watches from that version until the next list is due. */
  async function round(): Promise<void> {
    let version: string | undefined = (await list(signal, 1)).version;
    table.restarted();
    failures = 0;
    const late = new AbortController();
    const whenLate = (ms: number): unknown =>
      clock.setTimeout(() => {
        const left = listedAt + listEveryMs - clock.now();
        if (left > 0) timer = whenLate(left);
        else late.abort();
      }, ms);
    let timer = whenLate(listEveryMs);
    const until = AbortSignal.any([signal, late.signal]);
    try {
      for (let cuts = 0; version !== undefined && !until.aborted; cuts += 1) {
        version = await watch(version, until);
        if (version !== undefined) await pause(Math.min(50 * 2 ** cuts, 2_000), until, clock).catch(() => {});
      }
    } finally {
      clock.clearTimeout(timer);
    }
  }

  let failures = 0;
  async function run(): Promise<void> {
    while (!signal.aborted) {
      try {
        await round();
      } catch (thrown) {
        if (signal.aborted) return;
        failures += 1;
        const error = toAppError(thrown);
        if (failures > 1 && clock.now() - toldAt > tellEveryMs) {
          toldAt = clock.now();
          onTrouble?.(error);
        }
        const backoff = Math.min(250 * 2 ** Math.min(failures, 10), 10_000) * (0.5 + random() / 2);
        await pause(Math.max(backoff, error.retryAfterMs ?? 0), signal, clock).catch(() => {});
      }
    }
  }

  let running: Promise<void> | undefined;
  return {
    follow(object, listener) {
      const uid = uidOf(object);
      const listeners = followers.get(uid) ?? new Set();
      table.seen(object);
      followers.set(uid, listeners.add(listener));
      listener(table.get(uid));
      running ??= run();
      return {
        [Symbol.dispose]() {
          listeners.delete(listener);
          if (listeners.size === 0 && followers.get(uid) === listeners) followers.delete(uid);
        },
      };
    },
    list: async (until) => (await list(until)).items,
    async [Symbol.asyncDispose]() {
      stop.abort(new AppError('cancelled', 'The driver was closed.'));
      await running;
    },
  };
}

const maxLine = 4 * 2 ** 20;

async function* linesOf(response: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let rest = Buffer.alloc(0);
  for await (const chunk of response) {
    let from = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
      const line = Buffer.concat([rest, chunk.subarray(from, end)]).toString();
      rest = Buffer.alloc(0);
      from = end + 1;
      if (line !== '') yield line;
    }
    rest = Buffer.concat([rest, chunk.subarray(from)]);
    if (rest.length > maxLine) throw new Error('a line of the watch is too long');
  }
}
