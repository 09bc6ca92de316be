import type { V1Pod } from '@kubernetes/client-node';
import type { Clock } from '../../../src/core/contracts/clock.ts';
import { type IdSource, type SandboxId, SessionId, sandboxIdOf } from '../../../src/core/model/ids.ts';
import type { Poolable, SandboxInfo, SandboxSpec, WarmSandbox } from '../../driver.ts';
import {
  contentNote,
  isFromPool,
  metaFor,
  parseExpiry,
  parseSandboxInfo,
  poolLabel,
  selectSessionExcept,
  selectUnclaimed,
  warmIdOf,
} from '../labels.ts';
import { computePodState } from './pod-state.ts';
import { uidOf } from './pod-table.ts';
import type { PodWatch } from './pod-watch.ts';
import type { Pods } from './pods.ts';

interface Options {
  readonly pods: Pods;
  readonly watch: PodWatch;
  readonly instance: string;
  readonly clock: Clock;
  readonly ids: IdSource;
  name(id: SandboxId): string;
  /** Resolves with the pod once its daemon answers. */
  start(
    name: string,
    spec: SandboxSpec,
    marks: { recipe: string; content: string },
    signal: AbortSignal,
  ): Promise<V1Pod>;
  forget(id: SandboxId): void;
}
interface PodPool extends Disposable {
  readonly ability: Poolable;
  claimedBy(id: SandboxId, signal: AbortSignal): Promise<SandboxId | undefined>;
  /** Pod name of a sandbox that this process claimed; only a hint for the first lookup. */
  nameOf(id: SandboxId): string | undefined;
}

interface ClaimedPod {
  readonly warmId: SandboxId;
  readonly pod: V1Pod;
}

const cleanUpMs = 40_000;
const maxKnown = 10_000;
const claimedAt = 'corral/claimed-at';
const claimNote = 'corral/claim';

/**
 * Pods started ahead of need. A claim is a single label change, which the API server applies only to the version that
 * was read.
 */
export function podPool({ pods, watch, instance, clock, ids, name, start, forget }: Options): PodPool {
  const starting = new Set<SandboxId>();
  /** Latest known state of the pods, so that a claim needs no read first. */
  const seen = new Map<SandboxId, { pod: V1Pod; following: Disposable }>();
  const owners = new Map<SandboxId, SandboxId>();
  const claimed = new Map<SandboxId, string>();

  function drop(id: SandboxId): void {
    seen.get(id)?.following[Symbol.dispose]();
    seen.delete(id);
  }
  function follow(id: SandboxId, pod: V1Pod): void {
    if (uidOf(seen.get(id)?.pod ?? {}) === uidOf(pod)) return;
    drop(id);
    const entry = { pod, following: { [Symbol.dispose]() {} } as Disposable };
    seen.set(id, entry);
    entry.following = watch.follow(pod, (now) => {
      if (now) entry.pod = now;
    });
  }

  const isFree = (pod: V1Pod | undefined): pod is V1Pod =>
    pod?.metadata?.labels?.[poolLabel] !== undefined && computePodState(pod).kind === 'running';

  /** Undefined: another session has it, or the pod has ended. */
  async function take(id: SandboxId, spec: SandboxSpec, signal: AbortSignal): Promise<V1Pod | undefined> {
    const mark = ids.short();
    let pod = seen.get(id)?.pod ?? (await pods.get(name(id), signal));
    while (isFree(pod)) {
      const taken = await pods.change(pod, changeFor(spec, pod, mark), signal);
      if (taken) return taken;
      pod = await pods.get(name(id), signal); // it changed in the meantime, perhaps only its status
      if (pod?.metadata?.annotations?.[claimNote] === mark) return pod; // the patch was applied, only the answer was lost
    }
    return undefined;
  }

  function changeFor(spec: SandboxSpec, { status, spec: created }: V1Pod, mark: string) {
    const { labels, annotations } = metaFor(spec, instance, { [claimNote]: mark, [claimedAt]: String(clock.now()) });
    const from = new Date(status?.startTime ?? clock.now()).getTime();
    const target = Math.max(1, Math.ceil((spec.expiresAt - from) / 1_000));
    // Kubernetes allows only lower values.
    const activeDeadlineSeconds = Math.min(created?.activeDeadlineSeconds ?? target, target);
    return { metadata: { labels: { ...labels, [poolLabel]: null }, annotations }, spec: { activeDeadlineSeconds } };
  }

  /**
   * Two replicas that start one session's sandbox concurrently both check after their own write. The data that they read can
   * come from a cache, but is never older than their own write. Writes to pods are ordered, so the later writer sees
   * the earlier one. Both decide alike: the pod started for the session wins, else the pod claimed first. The query
   * excludes our own pod, so the answer is nearly always empty and cheap for the API server.
   */
  async function hasRival({ warmId, pod }: ClaimedPod, spec: SandboxSpec, signal: AbortSignal): Promise<boolean> {
    const selector = selectSessionExcept(instance, spec.sessionId, warmId);
    const all = await pods.list(selector, signal, pod.metadata?.resourceVersion);
    const others = all.filter((it) => computePodState(it).kind !== 'over');
    if (others.some((it) => !isFromPool(it.metadata) || isBefore(it, pod))) return true;
    await Promise.all(others.map((it) => pods.remove(it, signal)));
    return false;
  }

  async function end(pod: V1Pod | undefined): Promise<void> {
    const id = warmIdOf(pod?.metadata);
    if (!pod || !id) return;
    drop(id);
    forget(id);
    await pods.remove(pod, AbortSignal.timeout(cleanUpMs));
  }

  const ability: Poolable = {
    freeMemory: () => undefined, // only the scheduler knows the nodes
    imageNow: async (image) => image, // only the nodes know the content behind a name

    async warm(spec, recipe, { signal }) {
      const { id, image, epoch, expiresAt } = spec;
      starting.add(id);
      try {
        const pod = await start(name(id), spec, { recipe, content: image }, signal);
        follow(id, pod);
        return { id, recipe, content: image, epoch, phase: 'ready', expiresAt };
      } catch (error) {
        const left = await pods.get(name(id), AbortSignal.timeout(cleanUpMs)).catch(() => undefined);
        await end(left).catch(() => {}); // `unclaimed` still shows what remains
        throw error;
      } finally {
        forget(id); // a claim opens its own end
        starting.delete(id);
      }
    },

    async unclaimed({ signal }) {
      const all = await pods.list(selectUnclaimed(instance), signal);
      const found = all.flatMap((pod) => {
        const warm = warmFrom(pod, starting);
        if (warm?.phase === 'ready') follow(warm.id, pod);
        return warm ?? [];
      });
      const there = new Set(found.map(({ id }) => id));
      for (const id of seen.keys()) if (!there.has(id) && !starting.has(id)) drop(id);
      return found;
    },

    async claim(id, spec, { signal }) {
      let pod: V1Pod | undefined;
      try {
        pod = await take(id, spec, signal);
        if (!pod) return 'gone';
        if (await hasRival({ warmId: id, pod }, spec, signal)) {
          await end(pod);
          return 'known'; // `provision` finds the other sandbox
        }
        const info: SandboxInfo | undefined = parseSandboxInfo(pod.metadata, 'ready');
        if (!info) return 'gone';
        if (claimed.size >= maxKnown) claimed.clear();
        claimed.set(info.id, name(id));
        return info;
      } catch (error) {
        const left = pod ?? (await pods.get(name(id), AbortSignal.timeout(cleanUpMs)).catch(() => undefined));
        if (left?.metadata?.labels?.['corral/session'] === spec.sessionId) await end(left).catch(() => {});
        throw error;
      } finally {
        drop(id);
      }
    },

    async discard(id, { signal }) {
      for (;;) {
        const pod = await pods.get(name(id), signal);
        if (!pod || pod.metadata?.labels?.[poolLabel] === undefined) return drop(id);
        if (pod.metadata.deletionTimestamp || (await pods.removeUnchanged(pod, signal))) return drop(id);
      }
    },
  };

  return {
    ability,
    async claimedBy(id, signal) {
      const known = owners.get(id);
      if (known) return known;
      const labels = (await pods.get(name(id), signal))?.metadata?.labels;
      const session = SessionId.safeParse(labels?.['corral/session']).data;
      if (!session) return undefined;
      if (owners.size >= maxKnown) owners.clear();
      owners.set(id, sandboxIdOf(session)); // never removed: a sandbox is claimed only once
      return sandboxIdOf(session);
    },
    nameOf: (id) => claimed.get(id),
    [Symbol.dispose]() {
      for (const id of [...seen.keys()]) drop(id);
    },
  };
}

const orderOf = ({ metadata }: V1Pod) => `${metadata?.annotations?.[claimedAt]?.padStart(16, '0')} ${metadata?.name}`;
const isBefore = (one: V1Pod, other: V1Pod) => orderOf(one) < orderOf(other);

function warmFrom(pod: V1Pod, starting: ReadonlySet<SandboxId>): WarmSandbox | undefined {
  const { metadata } = pod;
  const id = warmIdOf(metadata);
  if (!id || metadata?.deletionTimestamp) return undefined; // the pod is being deleted
  const { kind } = computePodState(pod);
  const phase = starting.has(id)
    ? 'starting'
    : kind === 'running'
      ? 'ready'
      : kind === 'over' || kind === 'failed'
        ? 'exited'
        : 'starting';
  return {
    id,
    phase,
    expiresAt: parseExpiry(metadata),
    recipe: metadata?.labels?.[poolLabel] ?? '',
    content: metadata?.annotations?.[contentNote] ?? '',
    epoch: Number(metadata?.labels?.['corral/epoch']),
  };
}
