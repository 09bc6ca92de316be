import type { IncomingMessage } from 'node:http';
import { combineSignals, createTimeoutSignal, sleep, throwIfAborted } from '../../../src/core/concurrency/cancel.ts';
import type { Clock } from '../../../src/core/contracts/clock.ts';
import { AppError, toAppError } from '../../../src/core/errors/errors.ts';
import type { KubernetesOptions } from '../options.ts';
import { type KubeApi, readKubeErrorStatus } from './api.ts';
import { type KubeCollection, type KubeObject, type KubeSelector, openKubeCollection, uidOf } from './collection.ts';

/** Maximum number of removed objects whose late events are ignored. */
const maxGone = 10_000;

/** Tracks the known objects of a watch. Calls `onChange` unless an event is duplicate, late or outdated. */
export function createObjectTable<T extends KubeObject>(
  keep: (object: T) => T,
  onChange: (uid: string, object: T | undefined) => void,
) {
  const objects = new Map<string, T>(); // by uid
  const gone = new Map<string, number>(); // by uid: resource version at the object's removal
  const table = {
    all: (): T[] => [...objects.values()],
    get: (uid: string): T | undefined => objects.get(uid),
    seen(object: T): void {
      const uid = uidOf(object);
      const known = objects.get(uid);
      const left = gone.get(uid) ?? -1;
      if (left >= versionOf(object) || (known && versionOf(known) >= versionOf(object))) return;
      gone.delete(uid);
      const kept = keep(object);
      objects.set(uid, kept);
      onChange(uid, kept);
    },
    /** Records a full list at `version`. Removes known objects missing from it, except those newer than `version`. */
    listed(all: readonly T[], version: string): void {
      const there = new Set(all.map(uidOf));
      for (const object of all) table.seen(object);
      for (const object of table.all()) {
        if (!there.has(uidOf(object)) && versionOf(object) <= Number(version)) table.deleted(object, Number(version));
      }
    },
    /** Removes the object, then ignores events about it up to `version`. Default: ignores all events about it. */
    deleted(object: KubeObject, version = Number.POSITIVE_INFINITY): void {
      const uid = uidOf(object);
      gone.set(uid, version);
      const [oldest] = gone.keys();
      if (gone.size > maxGone && oldest !== undefined) gone.delete(oldest);
      if (objects.delete(uid)) onChange(uid, undefined);
    },
  };
  return table;
}

const versionOf = ({ metadata }: KubeObject) => Number(metadata?.resourceVersion ?? 0);

type Listener<T> = (object: T | undefined) => void;
interface ObjectWatch<T> {
  follow(object: T, listener: Listener<T>): Disposable;
  deleted(object: T): void;
}
interface WatchOptions extends Pick<KubernetesOptions, 'clock' | 'random' | 'onTrouble'> {
  readonly api: KubeApi;
}
export type KubeObjectOptions = WatchOptions & Pick<KubernetesOptions, 'namespace' | 'instance' | 'pendingMs'>;
interface ObjectKind<T extends KubeObject> {
  readonly path: string;
  readonly what: string;
  readonly selector: KubeSelector;
  /** Trims an object further, to save memory. `managedFields` are always removed. */
  readonly keep?: (object: T) => T;
  readonly onChange?: () => void;
  readonly removal?: KubeRemovalOptions;
}
/** With a grace period, an unconfirmed deletion is forced after `confirmMs`. */
export interface KubeRemovalOptions {
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: 'Foreground';
}

/** The API server ends each stream after this time. A stream still open at `silentMs` has stalled. */
const streamSeconds = 25;
const silentMs = 28_000;
const tellEveryMs = 60_000;

/** Watches from the first `list` or `follow` call. Replaces the client library's informer, which stops on any error. */
export function openKubeObjects<T extends KubeObject>(
  { api, clock, random, onTrouble }: WatchOptions,
  { path, what, selector, removal = {}, onChange, ...kind }: ObjectKind<T>,
) {
  const objects = openKubeCollection<T>(api, path, what);
  const keep = (object: T) => {
    const { managedFields: _, ...metadata } = object.metadata ?? {};
    return kind.keep?.({ ...object, metadata }) ?? { ...object, metadata };
  };
  const followers = new Map<string, Set<Listener<T>>>();
  const table = createObjectTable<T>(keep, (uid, object) => {
    for (const listener of [...(followers.get(uid) ?? [])]) listener(object);
    onChange?.();
  });
  const stop = new AbortController();
  const { signal } = stop;
  let isListed = false;
  let isCurrent = false;
  let failures = 0;
  let toldAt = Number.NEGATIVE_INFINITY;

  async function list(until: AbortSignal, tries?: number): Promise<{ items: T[]; version: string }> {
    const found = await objects.list({ selector, keep, ...(tries !== undefined && { tries }) }, until);
    table.listed(found.items, found.version);
    isListed = true;
    return found;
  }

  /** Resolves with the version to continue from. Undefined: a new list is needed. */
  async function watch(from: string): Promise<string | undefined> {
    const more = { watch: 'true', allowWatchBookmarks: 'true', timeoutSeconds: String(streamSeconds) };
    const query = new URLSearchParams({ ...selector, ...more, resourceVersion: from });
    const request = { method: 'GET', path: `${path}?${query}`, what: `watch ${what}` } as const;
    using silent = createTimeoutSignal(silentMs, clock, signal);
    let version = from;
    let response: IncomingMessage | undefined;
    try {
      response = await api.stream(request, silent.signal);
      [isCurrent, failures] = [true, 0];
      for await (const line of readLines(response)) {
        const { type, object } = JSON.parse(line) as { type: string; object: T };
        if (type === 'ERROR') throw new Error('the version is too old to continue from');
        const { resourceVersion = '0' } = object.metadata ?? {};
        if (Number(resourceVersion) > Number(version)) version = resourceVersion;
        if (type === 'DELETED') table.deleted(object, Number(resourceVersion));
        else if (type !== 'BOOKMARK') table.seen(object);
      }
      return version;
    } catch (error) {
      isCurrent = false;
      if (readKubeErrorStatus(error) === 410 || (error as Error).message.includes('too old')) return undefined;
      if (response || silent.signal.aborted) return version;
      throw error;
    } finally {
      response?.destroy();
    }
  }

  async function run(version?: string): Promise<void> {
    let cuts = 0;
    while (!signal.aborted) {
      const since = clock.now();
      let restMs: number;
      try {
        version ??= (await list(signal, 1)).version;
        version = await watch(version);
        cuts = clock.now() - since < silentMs / 3 ? cuts + 1 : 0;
        restMs = version === undefined ? 0 : Math.min(25 * 2 ** cuts, 2_000);
      } catch (thrown) {
        if (signal.aborted) return;
        failures += 1;
        const error = toAppError(thrown);
        if (failures > 1 && clock.now() - toldAt > tellEveryMs) {
          toldAt = clock.now();
          onTrouble?.(error);
        }
        const backoff = Math.min(250 * 2 ** Math.min(failures, 10), 10_000) * (0.5 + random() / 2);
        restMs = Math.max(backoff, error.retryAfterMs ?? 0);
      }
      await sleep(restMs, signal, clock).catch(() => {});
    }
  }

  let running: Promise<void> | undefined;
  const watched = {
    follow(object: T, listener: Listener<T>): Disposable {
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
    async list(until: AbortSignal): Promise<T[]> {
      if (isCurrent) return table.all();
      const { items, version } = await list(until);
      running ??= run(version);
      return items;
    },
    /** Possibly outdated. Undefined before the first list. */
    known: () => (isListed ? table.all() : undefined),
    seen: (object: T) => table.seen(object),
    deleted: (object: T) => table.deleted(object),
    async [Symbol.asyncDispose](): Promise<void> {
      stop.abort(new AppError('cancelled', 'The driver was closed.'));
      await running;
    },
  };
  const seen = (written: T | undefined) => {
    if (written) table.seen(written);
    return written;
  };
  return {
    ...watched,
    get: objects.get,
    create: async (body: unknown, until: AbortSignal) => seen(await objects.create(body, until)),
    patch: async (name: string, body: unknown, until: AbortSignal) => seen(await objects.patch(name, body, until)),
    remove: (object: T, until: AbortSignal) =>
      removeKubeObject(object, { objects, options: removal, watch: watched, clock }, until),
    /** Calls `look` now, after each change to the object, and at intervals, until it returns a value. */
    until: <Seen>(object: T, look: (latest: T | undefined) => Promise<Seen | undefined>, until: AbortSignal) =>
      untilSeen(object, { watch: watched, clock, everyMs: 100 }, look, until),
  };
}

interface Observation<T extends KubeObject> {
  readonly watch: ObjectWatch<T> | undefined;
  readonly clock: Clock;
}
/** Also polls, in case the watch is broken. Intervals double from `everyMs` to 2 s. */
async function untilSeen<T extends KubeObject, Seen>(
  object: T,
  { watch, clock, everyMs }: Observation<T> & { readonly everyMs: number },
  look: (latest: T | undefined, isLate: boolean) => Promise<Seen | undefined>,
  signal: AbortSignal,
): Promise<Seen> {
  let latest: T | undefined = object;
  let changed = new AbortController();
  using _following = watch?.follow(object, (now) => {
    latest = now;
    changed.abort();
  });
  let isLate = false;
  for (let ms = everyMs; ; ms = Math.min(ms * 2, 2_000)) {
    changed = new AbortController();
    const seen = await look(latest, isLate);
    if (seen !== undefined) return seen;
    await sleep(ms, combineSignals([signal, changed.signal]), clock).catch(() => throwIfAborted(signal));
    isLate = !changed.signal.aborted;
  }
}

/** Milliseconds after which an unconfirmed deletion is forced, because the node may be lost. */
const confirmMs = 15_000;
interface Removal<T extends KubeObject> extends Observation<T> {
  readonly objects: Pick<KubeCollection<T>, 'get' | 'remove'>;
  readonly options: KubeRemovalOptions;
}
/** Never deletes another object with the same name. Resolves once this object is gone. */
export async function removeKubeObject<T extends KubeObject>(
  object: T,
  { objects, options, watch, clock }: Removal<T>,
  signal: AbortSignal,
): Promise<void> {
  await objects.remove(object, options, signal);
  let forceAt = options.gracePeriodSeconds === undefined ? Number.POSITIVE_INFINITY : clock.now() + confirmMs;
  async function look(latest: T | undefined, isLate: boolean) {
    if (watch && latest && !isLate) return undefined;
    const left = latest && (await objects.get(object.metadata?.name ?? '', signal));
    if (left?.metadata?.uid !== object.metadata?.uid) return 'gone';
    if (clock.now() <= forceAt) return undefined;
    forceAt = Number.POSITIVE_INFINITY;
    await objects.remove(object, { gracePeriodSeconds: 0 }, signal);
    return undefined;
  }
  await untilSeen(object, { watch, clock, everyMs: watch ? 2_000 : 50 }, look, signal);
  watch?.deleted(object);
}

const maxLine = 4 * 2 ** 20;

async function* readLines(response: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let rest = Buffer.alloc(0);
  for await (const chunk of response) {
    rest = Buffer.concat([rest, chunk]);
    let from = 0;
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10, from)) {
      if (end > from) yield rest.toString('utf8', from, end);
      from = end + 1;
    }
    rest = rest.subarray(from);
    if (rest.length > maxLine) throw new Error('a line of the watch is too long');
  }
}
