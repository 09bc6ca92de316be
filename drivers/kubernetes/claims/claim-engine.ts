import type { V1Condition, V1ObjectMeta, V1Pod } from '@kubernetes/client-node';
import { pause, raceAbort } from '../../../src/core/concurrency/cancel.ts';
import type { Clock } from '../../../src/core/contracts/clock.ts';
import { AppError } from '../../../src/core/errors/errors.ts';
import type { SandboxId } from '../../../src/core/model/ids.ts';
import type { Secret } from '../../../src/core/text/secret.ts';
import type { SandboxInfo, SandboxSpec } from '../../driver.ts';
import type { KubeApi } from '../api/api.ts';
import { openCollection } from '../api/collection.ts';
import { finishOnceSent } from '../api/finish-once-sent.ts';
import { refusedError } from '../api/status.ts';
import type { Engine } from '../engine.ts';
import { instanceOf, metaFor, ownedBy, parseSandboxInfo } from '../labels.ts';
import { egressFile } from '../pods/pod-body.ts';
import { computePodState } from '../pods/pod-state.ts';
import { uidOf } from '../pods/pod-table.ts';
import { type ObjectWatch, type PodWatch, watchObjects } from '../pods/pod-watch.ts';
import type { Pods } from '../pods/pods.ts';
import { untilRunning } from '../pods/start-pod.ts';
import { execIn } from '../pods/wait-for-daemon.ts';
import { claimPath, group, sandboxPath } from './platform.ts';
import type { Blueprint, Templates } from './templates.ts';

interface Claim {
  readonly metadata?: V1ObjectMeta;
  readonly spec?: { readonly warmPoolRef?: { readonly name: string } };
  readonly status?: { readonly conditions?: readonly V1Condition[]; readonly sandbox?: { readonly name?: string } };
}

interface Options {
  readonly api: KubeApi;
  readonly namespace: string;
  readonly instance: string;
  readonly clock: Clock;
  readonly random: () => number;
  readonly onTrouble: ((error: AppError) => void) | undefined;
  readonly pods: Pods;
  readonly watch: PodWatch;
  readonly templates: Templates;
  readonly pendingMs: number;
  /** Whether a stopped sandbox keeps its files. */
  readonly keepsFiles: boolean;
  nameOf(id: SandboxId): string;
  blueprintFor(spec: SandboxSpec): Blueprint;
  /** Undefined: this sandbox has no network access. */
  egressToken(spec: SandboxSpec): Secret | undefined;
}

export interface ClaimEngine extends Engine {
  /** The names of the pools that claims name. */
  poolsInUse(signal: AbortSignal): Promise<Set<string>>;
}

/**
 * The uid of the pod that the session uses. The controller replaces a lost pod by an empty one of the same name, which is
 * another sandbox to the session. `none`: the sandbox is stopped.
 */
const podNote = 'corral/pod';
const commandMs = 10_000;
/** How often a start may find that its pod ended before it was used. */
const maxTries = 3;
const removed = () => new AppError('sandbox_unavailable', 'The claim of the sandbox was deleted before it started.');

/**
 * One SandboxClaim for each session. Its name is the session's, so two servers never claim two sandboxes for one session,
 * and the controller gives each warm sandbox to one claim.
 */
export function claimEngine(options: Options): ClaimEngine {
  const { api, namespace, instance, clock, pods, watch, templates, keepsFiles, nameOf, blueprintFor } = options;
  const claims = openCollection<Claim>(api, claimPath(namespace, 'sandboxclaims'), 'sandbox claims');
  const sandboxes = openCollection(api, sandboxPath(namespace), 'sandboxes');
  const { random, onTrouble } = options;
  const keep = ({ metadata: { managedFields: _, ...metadata } = {}, spec, status }: Claim): Claim => ({
    metadata,
    spec: { warmPoolRef: spec?.warmPoolRef ?? { name: '' } },
    ...(status && { status }),
  });
  const selector = ownedBy(instance);
  const claimWatch: ObjectWatch<Claim> = watchObjects<Claim>({
    api,
    objects: claims,
    selector,
    keep,
    clock,
    random,
    onTrouble,
  });

  const bodyFor = (spec: SandboxSpec, pool: string) => ({
    apiVersion: `${group}/v1beta1`,
    kind: 'SandboxClaim',
    metadata: { name: nameOf(spec.id), namespace, ...metaFor(spec, instance) },
    spec: {
      warmPoolRef: { name: pool },
      // The end of a claim deletes its volume, so a claim that keeps files ends only with its session.
      ...(!keepsFiles && { lifecycle: { shutdownTime: timeOf(spec.expiresAt), shutdownPolicy: 'Delete' } }),
    },
  });

  const podOf = async ({ status }: Claim, signal: AbortSignal) =>
    status?.sandbox?.name ? await pods.get(status.sandbox.name, signal) : undefined;

  async function gone(claim: Claim, signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    using _following = claimWatch.follow(claim, (now) => now ?? resolve());
    for (;;) {
      const looked = new AbortController();
      const poll = pause(2_000, AbortSignal.any([signal, looked.signal]), clock).catch(() => {});
      await raceAbort(Promise.race([promise.then(() => 'gone'), poll]), signal).finally(() => looked.abort());
      const left = await claims.get(claim.metadata?.name ?? '', signal);
      if (left?.metadata?.uid !== claim.metadata?.uid) return;
    }
  }

  /** Deletes the claim with its sandbox, pod and volume. Resolves once they are gone. */
  async function end(claim: Claim, signal: AbortSignal): Promise<void> {
    await claims.remove(claim, { propagationPolicy: 'Foreground' }, signal);
    const pod = await podOf(claim, signal);
    if (pod) await pods.remove(pod, signal);
    await gone(claim, signal);
  }

  /** Waits until the claim has a pod other than `old`. */
  async function untilPod(claim: Claim, old: string | undefined, signal: AbortSignal): Promise<V1Pod> {
    let latest: Claim | undefined = claim;
    let changed = Promise.withResolvers<void>();
    using _following = claimWatch.follow(claim, (now) => {
      latest = now;
      changed.resolve();
    });
    const until = clock.now() + options.pendingMs;
    for (let ms = 100; ; ms = Math.min(ms * 2, 2_000)) {
      if (!latest || latest.metadata?.deletionTimestamp) throw removed();
      const pod = await podOf(latest, signal);
      if (pod && uidOf(pod) !== old) return pod;
      const trouble = troubleOf(latest);
      if (trouble && (trouble.isFinal || clock.now() > until)) throw trouble.error;
      if (clock.now() > until) throw new AppError('sandbox_unavailable', silent);
      const waiting = new AbortController();
      const poll = pause(ms, AbortSignal.any([signal, waiting.signal]), clock).catch(() => {});
      await raceAbort(Promise.race([changed.promise, poll]), signal).finally(() => waiting.abort());
      changed = Promise.withResolvers();
    }
  }

  /** Starts the kept sandbox with today's pod template. */
  async function wake(claim: Claim, spec: SandboxSpec, pod: V1Pod | undefined, signal: AbortSignal): Promise<void> {
    const { podTemplate } = blueprintFor(spec);
    const body = { spec: { operatingMode: 'Running', podTemplate } };
    await sandboxes.patch(claim.status?.sandbox?.name ?? '', body, signal);
    if (pod) await pods.remove(pod, signal);
  }

  async function suspend(claim: Claim, signal: AbortSignal): Promise<void> {
    await sandboxes.patch(claim.status?.sandbox?.name ?? '', { spec: { operatingMode: 'Suspended' } }, signal);
    const metadata = { annotations: { [podNote]: 'none' } };
    await claims.patch(claim.metadata?.name ?? '', { metadata }, signal);
    const pod = await podOf(claim, signal);
    if (pod) await pods.remove(pod, signal);
  }

  function checkOwner(claim: Claim, spec: SandboxSpec): void {
    const info = parseSandboxInfo(claim.metadata, 'ready');
    if (instanceOf(claim.metadata) !== instance || info?.sessionId !== spec.sessionId) {
      const advice = 'Remove it, or give this installation another name.';
      throw new AppError('sandbox_unavailable', `Another program's claim has the name ${nameOf(spec.id)}. ${advice}`);
    }
    if (info.epoch > spec.epoch)
      throw new AppError('fenced', 'Another server has taken over this session and its sandbox.');
  }

  return {
    begin(spec) {
      const name = nameOf(spec.id);
      let claim: Claim | undefined;
      let did: 'made' | 'woken' | 'adopted' = 'adopted';

      async function attempt(pool: string, signal: AbortSignal): Promise<V1Pod | 'again'> {
        const made = await finishOnceSent((begun) => claims.create(bodyFor(spec, pool), begun), signal);
        claim = made ?? (await claims.get(name, signal));
        if (!claim) return 'again';
        if (claim.metadata?.deletionTimestamp) {
          await gone(claim, signal);
          return 'again';
        }
        if (made) did = 'made';
        else checkOwner(claim, spec);
        const old = made ? undefined : await podOf(claim, signal);
        const isOver = old ? computePodState(old).kind === 'over' : noteOf(claim) !== undefined;
        if (!made && isOver) {
          if (!keepsFiles || !claim.status?.sandbox?.name) {
            await end(claim, signal);
            return 'again';
          }
          did = 'woken';
          await wake(claim, spec, old, signal);
        } else if (old) return old;
        const pod = await untilPod(claim, old && uidOf(old), signal);
        if (computePodState(pod).kind !== 'over' || did === 'woken') return pod;
        // The claim was ready, but its sandbox had just ended, for example with its node.
        await end(claim, signal);
        return 'again';
      }

      return {
        async run(news, signal) {
          const pool = await templates.ensure(spec, signal);
          news({ phase: 'starting', detail: `Claiming a sandbox of ${spec.image}` });
          let pod: V1Pod | 'again' = 'again';
          for (let tries = 0; pod === 'again' && tries < maxTries; tries += 1) pod = await attempt(pool, signal);
          if (pod === 'again') throw removed();
          if (did === 'made') {
            const fromPool = pod.metadata?.name !== name;
            news({
              phase: 'starting',
              detail: fromPool ? 'Taking a ready sandbox from the pool' : `Starting a pod of ${spec.image}`,
              fromPool,
            });
          }
          const stuck = (detail: string) => news({ phase: 'starting', detail });
          return await untilRunning(watch, pod, { patienceMs: options.pendingMs, stuck }, signal);
        },
        async finish(link, pod, signal) {
          if (!claim) throw new Error('it has run');
          if (did !== 'adopted' || noteOf(claim) !== uidOf(pod)) {
            const token = options.egressToken(spec);
            if (token) await identify(link, `corral-egress 1 ${spec.id} ${token.reveal()}`, signal);
            if (keepsFiles) {
              const activeDeadlineSeconds = secondsLeft(pod, spec.expiresAt);
              await pods.patch(pod.metadata?.name ?? '', { spec: { activeDeadlineSeconds } }, signal);
            }
            const { labels, annotations } = metaFor(spec, instance, { [podNote]: uidOf(pod) });
            const metadata = did === 'adopted' ? { annotations: { [podNote]: uidOf(pod) } } : { labels, annotations };
            const written = await claims.patch(name, { metadata }, signal);
            if (!written) throw removed();
            claim = written;
          }
          const info = parseSandboxInfo(claim.metadata, 'ready');
          if (!info) throw new AppError('sandbox_unavailable', "The labels of the sandbox's claim were changed.");
          return info;
        },
        async undo(signal) {
          const left = await claims.get(name, signal);
          if (!left || did === 'adopted' || left.metadata?.uid !== claim?.metadata?.uid) return;
          if (did === 'made') await end(left, signal);
          else await suspend(left, signal);
        },
      };
    },

    async find(id, signal) {
      const claim = await claims.get(nameOf(id), signal);
      if (!claim || claim.metadata?.deletionTimestamp || instanceOf(claim.metadata) !== instance) return undefined;
      const note = noteOf(claim);
      if (note === undefined) throw new AppError('sandbox_unavailable', 'The sandbox is still starting.');
      const pod = note === 'none' ? undefined : await podOf(claim, signal);
      return pod && uidOf(pod) === note ? pod : undefined;
    },

    holds: async (id, signal) => (await claims.get(nameOf(id), signal)) !== undefined,

    async list(live, signal) {
      const byName = new Map(live.map((pod) => [pod.metadata?.name, pod]));
      return (await claimWatch.list(signal)).flatMap((claim) => {
        const pod = byName.get(claim.status?.sandbox?.name);
        return parseSandboxInfo(claim.metadata, phaseOf(claim, pod)) ?? [];
      });
    },

    async clear(id, workspace, signal) {
      const claim = await claims.get(nameOf(id), signal);
      if (!claim || instanceOf(claim.metadata) !== instance) return;
      if (workspace === 'keep' && keepsFiles && claim.status?.sandbox?.name) await suspend(claim, signal);
      else await end(claim, signal);
    },

    poolsInUse: async (signal) =>
      new Set((await claimWatch.list(signal)).map(({ spec }) => spec?.warmPoolRef?.name ?? '')),

    [Symbol.asyncDispose]: () => claimWatch[Symbol.asyncDispose](),
  };
}

const silent =
  'No controller of agents.x-k8s.io gave the claim a sandbox in time. Check that it runs, or set CORRAL_KUBERNETES_ENGINE=pods.';
const noteOf = ({ metadata }: Claim) => metadata?.annotations?.[podNote];
const timeOf = (ms: number) => new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
const secondsLeft = ({ status, spec }: V1Pod, expiresAt: number) => {
  const from = new Date(status?.startTime ?? expiresAt).getTime();
  const target = Math.max(1, Math.ceil((expiresAt - from) / 1_000));
  return Math.min(spec?.activeDeadlineSeconds ?? target, target); // Kubernetes allows only lower values
};

/** The claim may still say that it is ready after its pod is gone. */
function phaseOf(claim: Claim, pod: V1Pod | undefined): SandboxInfo['phase'] {
  const note = noteOf(claim);
  if (note === 'none') return pod ? 'exited' : 'stopped';
  if (claim.metadata?.deletionTimestamp) return 'exited';
  const kind = pod && computePodState(pod).kind;
  if (note === undefined) return kind === 'over' ? 'exited' : 'starting';
  return pod && uidOf(pod) === note && kind === 'running' ? 'ready' : 'exited';
}

/** The controller's report about a claim without a pod. `isFinal`: time does not help. */
function troubleOf({ status }: Claim): { readonly error: AppError; readonly isFinal: boolean } | undefined {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  if (!ready || ready.status === 'True') return undefined;
  const { reason = '', message = '' } = ready;
  const isRefused = /exceeded quota|violates PodSecurity|is forbidden/.test(message);
  const text = message === '' ? reason : `${reason}: ${message}`;
  const cause = { status: 403, reason, message: text, retryAfterMs: undefined };
  const error = isRefused
    ? refusedError('create pods', cause)
    : new AppError('sandbox_unavailable', `The cluster gives the sandbox no pod (${text}).`);
  return { error, isFinal: isRefused || /^(InvalidMetadata|VolumeClaimTemplatesError)$/.test(reason) };
}

/** Writes the line that the sandbox's forwarder sends first. */
async function identify(link: Parameters<typeof execIn>[0], line: string, signal: AbortSignal): Promise<void> {
  const command = `umask 077; printf '%s\\n' '${line}' >${egressFile}.new && mv ${egressFile}.new ${egressFile} && printf done`;
  const until = AbortSignal.any([signal, AbortSignal.timeout(commandMs)]);
  if ((await execIn(link, { command, timeoutMs: commandMs }, until)).trim() !== 'done')
    throw new AppError(
      'sandbox_unavailable',
      'The sandbox cannot store its identity: its image has no bash, or lacks mv.',
    );
}
