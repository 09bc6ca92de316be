import type { V1Pod } from '@kubernetes/client-node';
import { combineSignals } from '../../../src/core/concurrency/cancel.ts';
import { AppError } from '../../../src/core/errors/errors.ts';
import type { SandboxSpec } from '../../driver.ts';
import { toClusterError } from '../api/api.ts';
import { openKubeCollection, uidOf } from '../api/collection.ts';
import { openKubeObjects } from '../api/objects.ts';
import type { SandboxEngine, SandboxEngineOptions } from '../engine.ts';
import { assertBelongsToSession, createObjectMetadata, readInstanceLabel } from '../labels.ts';
import { computePodState } from '../pods/pod-state.ts';
import { extensionApiGroup, extensionPath, sandboxesPath } from './platform.ts';
import {
  createIdentityCommand,
  openSessionObjects,
  podAnnotation,
  podAnnotationOf,
  readyConditionOf,
  type SessionObject,
} from './session-objects.ts';
import type { SandboxBlueprint, SandboxTemplates } from './templates.ts';

interface Claim extends SessionObject {
  readonly spec?: { readonly warmPoolRef?: { readonly name: string } };
}
interface Options extends SandboxEngineOptions {
  readonly templates: SandboxTemplates;
  readonly keepsFiles: boolean;
  readonly seesNodes: boolean;
  blueprintFor(spec: SandboxSpec): SandboxBlueprint;
}

/** Maximum number of attempts per sandbox start. A claimed pod may end before it is used. */
const maxTries = 3;
/** How long the controller may take to notice a new pool, in ms. */
const poolLagMs = 5_000;
const removed = () => new AppError('sandbox_unavailable', 'The claim of the sandbox was deleted before it started.');

/** A claim's name contains the session's id, so a session never has two claims. */
export function createClaimEngine(options: Options) {
  const { api, clock, namespace, instance, pods, templates, keepsFiles, nameOf, blueprintFor } = options;
  const claims = openSessionObjects<Claim>(options, {
    path: extensionPath(namespace, 'sandboxclaims'),
    what: 'sandbox claims',
    podNameOf: ({ status }) => status?.sandbox?.name,
  });
  const { podOf, patch } = claims;
  const sandboxes = openKubeCollection(api, sandboxesPath(namespace), 'sandboxes');
  const closing = new AbortController();
  const cordoned = openKubeObjects(options, {
    path: '/api/v1/nodes',
    what: 'nodes',
    selector: { fieldSelector: 'spec.unschedulable=true' },
    keep: ({ metadata = {} }) => ({ metadata }),
    onChange: () => void leaveCordoned(combineSignals([closing.signal, AbortSignal.timeout(40_000)])).catch(() => {}),
  });
  if (options.seesNodes) cordoned.list(closing.signal).catch(() => {});
  const starting = new Set<string>();

  const bodyFor = (spec: SandboxSpec, pool: string) => ({
    apiVersion: `${extensionApiGroup}/v1beta1`,
    kind: 'SandboxClaim',
    metadata: { name: nameOf(spec.id), namespace, ...createObjectMetadata(spec, instance) },
    spec: {
      warmPoolRef: { name: pool },
      // Not set if files are kept, because deleting a claim also deletes its volume.
      ...(!keepsFiles && {
        lifecycle: { shutdownTime: new Date(spec.expiresAt).toISOString(), shutdownPolicy: 'Delete' },
      }),
    },
  });

  async function removePod(claim: Claim, signal: AbortSignal): Promise<void> {
    const pod = await podOf(claim, signal);
    if (pod) await pods.remove(pod, signal);
  }

  const end = (claim: Claim, signal: AbortSignal) =>
    Promise.all([claims.remove(claim, signal), removePod(claim, signal)]);

  /** Resolves with `again` if the claim's pool is gone. */
  async function untilPod(claim: Claim, old: string | undefined, signal: AbortSignal): Promise<V1Pod | 'again'> {
    const since = clock.now();
    async function look(latest: Claim | undefined) {
      if (!latest || latest.metadata?.deletionTimestamp) throw removed();
      const pod = await podOf(latest, signal);
      if (pod && uidOf(pod) !== old) return pod;
      const trouble = findFailure(latest);
      if (trouble?.isWithoutPool && clock.now() > since + poolLagMs) return 'again';
      const isLate = clock.now() > since + options.pendingMs;
      if (trouble && (trouble.isFinal || isLate)) throw trouble.error;
      if (isLate) throw new AppError('sandbox_unavailable', silent);
      return undefined;
    }
    return await claims.until(claim, look, signal);
  }

  async function wake(claim: Claim, spec: SandboxSpec, pool: string, signal: AbortSignal): Promise<void> {
    // The controller copies labels and annotations from the pool's template, so the claim must name the current pool.
    if (claim.spec?.warmPoolRef?.name !== pool) await patch(claim, { spec: { warmPoolRef: { name: pool } } }, signal);
    const { podTemplate } = blueprintFor(spec);
    const body = { spec: { operatingMode: 'Running', podTemplate } };
    await sandboxes.patch(claim.status?.sandbox?.name ?? '', body, signal);
  }

  async function suspend(claim: Claim, signal: AbortSignal): Promise<void> {
    await sandboxes.patch(claim.status?.sandbox?.name ?? '', { spec: { operatingMode: 'Suspended' } }, signal);
    await claims.noteStop(claim, signal);
    await removePod(claim, signal);
  }

  function members(): V1Pod[] {
    const all = claims.known();
    const taken = new Set(all?.flatMap(({ metadata, status }) => [metadata?.name, status?.sandbox?.name]));
    const isFree = ({ metadata: { name = '' } = {} }: V1Pod) => name.startsWith(templates.prefix) && !taken.has(name);
    return all ? (pods.known()?.filter(isFree) ?? []) : [];
  }
  const isCordoned = ({ spec }: V1Pod) => cordoned.known()?.some(({ metadata }) => metadata?.name === spec?.nodeName);
  async function leaveCordoned(signal: AbortSignal): Promise<void> {
    await Promise.all(
      members()
        .filter(isCordoned)
        .map((pod) => pods.remove(pod, signal)),
    );
  }

  /** Throws sandbox_capacity if the number of waiting claims reaches the pool's size plus its ready member count. */
  function checkBurst(name: string, pool: string): void {
    const size = templates.sizeOf(pool);
    const known = claims.known();
    if (size === 0 || !known) return;
    const podNames = new Map(known.map(({ metadata, status }) => [metadata?.name, status?.sandbox?.name]));
    const waiting = [...starting].filter((other) => other !== name && (podNames.get(other) ?? other) === other).length;
    const isReady = (pod: V1Pod) =>
      pod.metadata?.name?.startsWith(`${pool}-`) && computePodState(pod).kind === 'running';
    if (podNames.has(name) || waiting < size + members().filter(isReady).length) return;
    const message = `The pool of ready sandboxes is empty, and ${waiting} sandboxes are starting. Try again in a moment.`;
    throw new AppError('sandbox_capacity', message, { retryAfterMs: 5_000 });
  }

  const engine: SandboxEngine = {
    begin(spec) {
      const name = nameOf(spec.id);
      let claim: Claim | undefined;
      let did: 'made' | 'woken' | 'adopted' = 'adopted';

      const isKnown = (pod: V1Pod) => did === 'adopted' && claim !== undefined && podAnnotationOf(claim) === uidOf(pod);

      async function attempt(pool: string, signal: AbortSignal): Promise<V1Pod | 'again'> {
        const made = await claims.create(bodyFor(spec, pool), signal);
        claim = made ?? (await claims.get(name, signal));
        if (!claim) return 'again';
        if (claim.metadata?.deletionTimestamp) {
          await end(claim, signal);
          return 'again';
        }
        if (made) did = 'made';
        else assertBelongsToSession('claim', claim, spec, instance);
        const old = made ? undefined : await podOf(claim, signal);
        const isOver = old ? computePodState(old).kind === 'over' : podAnnotationOf(claim) !== undefined;
        if (old && !isOver) return old;
        if (!made && isOver && keepsFiles && claim.status?.sandbox?.name) {
          did = 'woken';
          await wake(claim, spec, pool, signal);
          if (old) await pods.remove(old, signal);
        }
        const isUseless = !made && isOver && did !== 'woken';
        const pod = isUseless ? 'again' : await untilPod(claim, old && uidOf(old), signal);
        if (pod === 'again') templates.forget(pool);
        if (did === 'woken') return pod;
        if (pod !== 'again' && computePodState(pod).kind !== 'over' && !(made && isCordoned(pod))) return pod;
        await end(claim, signal);
        return 'again';
      }

      async function claimPod(signal: AbortSignal): Promise<V1Pod> {
        for (let tries = 0; tries < maxTries; tries += 1) {
          const pool = await templates.ensure(spec, signal);
          if (tries === 0) checkBurst(name, pool);
          const pod = await attempt(pool, signal);
          if (pod !== 'again') return pod;
        }
        throw removed();
      }

      return {
        async place(news, signal) {
          news({ phase: 'starting', detail: `Claiming a sandbox of ${spec.image}` });
          starting.add(name);
          const pod = await claimPod(signal);
          const fromPool = pod.metadata?.name !== name;
          const detail = fromPool ? 'Taking a ready sandbox from the pool' : `Starting a pod of ${spec.image}`;
          if (did === 'made') news({ phase: 'starting', detail, fromPool });
          return pod;
        },
        identity: (pod) => (isKnown(pod) ? undefined : createIdentityCommand(options, spec)),
        async finish(pod, signal) {
          starting.delete(name);
          if (!claim) throw new Error('it has a place');
          if (isKnown(pod)) return claim;
          if (keepsFiles) {
            const activeDeadlineSeconds = secondsLeft(pod, spec.expiresAt);
            await pods.patch(pod.metadata?.name ?? '', { spec: { activeDeadlineSeconds } }, signal);
          }
          const note = { [podAnnotation]: uidOf(pod) };
          const metadata = did === 'adopted' ? { annotations: note } : createObjectMetadata(spec, instance, note);
          claim = await patch(claim, { metadata }, signal);
          if (!claim) throw removed();
          return claim;
        },
        async undo(signal) {
          starting.delete(name);
          const left = await claims.get(name, signal);
          if (!left || did === 'adopted' || left.metadata?.uid !== claim?.metadata?.uid) return;
          if (did === 'made') await end(left, signal);
          else await suspend(left, signal);
        },
      };
    },

    async find(id, signal) {
      const claim = await claims.get(nameOf(id), signal);
      if (!claim || claim.metadata?.deletionTimestamp || readInstanceLabel(claim.metadata) !== instance)
        return undefined;
      if (podAnnotationOf(claim) === undefined)
        throw new AppError('sandbox_unavailable', 'The sandbox is still starting.');
      return await claims.usedPod(claim, signal);
    },
    list: claims.infos,
    async clear(id, workspace, signal) {
      const claim = await claims.get(nameOf(id), signal);
      if (!claim || readInstanceLabel(claim.metadata) !== instance) return;
      if (workspace === 'keep' && keepsFiles && claim.status?.sandbox?.name) await suspend(claim, signal);
      else await end(claim, signal);
    },

    async [Symbol.asyncDispose]() {
      closing.abort();
      await Promise.all([claims[Symbol.asyncDispose](), cordoned[Symbol.asyncDispose]()]);
    },
  };
  return {
    ...engine,
    async sweep(signal: AbortSignal) {
      const inUse = (await claims.list(signal)).map(({ spec }) => spec?.warmPoolRef?.name ?? '');
      await templates.sweep(new Set(inUse), signal);
      if (options.seesNodes) await cordoned.list(signal);
      await leaveCordoned(signal);
    },
  };
}

const silent =
  'No agents.x-k8s.io controller assigned a sandbox to the claim in time. ' +
  'Check that it is running, or set CORRAL_KUBERNETES_ENGINE=pods.';
const secondsLeft = ({ status, spec }: V1Pod, expiresAt: number) => {
  const from = new Date(status?.startTime ?? expiresAt).getTime();
  const target = Math.max(1, Math.ceil((expiresAt - from) / 1_000));
  return Math.min(spec?.activeDeadlineSeconds ?? target, target); // Kubernetes only allows lowering the deadline
};

/** `isFinal`: waiting does not help. */
function findFailure(claim: Claim) {
  const ready = readyConditionOf(claim);
  if (!ready || ready.status === 'True') return undefined;
  const { reason = '', message = '' } = ready;
  const isRefused = /exceeded quota|violates PodSecurity|is forbidden/.test(message);
  const text = message === '' ? reason : `${reason}: ${message}`;
  const cause = { status: 403, reason, message: text, retryAfterMs: undefined };
  const error = isRefused
    ? toClusterError('create pods', cause)
    : new AppError('sandbox_unavailable', `The cluster did not create a pod for the sandbox (${text}).`);
  const isFinal = isRefused || /^(InvalidMetadata|VolumeClaimTemplatesError)$/.test(reason);
  return { error, isFinal, isWithoutPool: /^(WarmPool|Template)NotFound$/.test(reason) };
}
