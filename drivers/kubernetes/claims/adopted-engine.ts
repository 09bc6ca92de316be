import type { V1Condition, V1ObjectMeta, V1Pod } from '@kubernetes/client-node';
import { AppError } from '../../../src/core/errors/errors.ts';
import type { SandboxId, SessionId } from '../../../src/core/model/ids.ts';
import type { SandboxInfo } from '../../driver.ts';
import { openCollection, uidOf } from '../api/collection.ts';
import { statusOf } from '../api/status.ts';
import type { Engine, EngineOptions } from '../engine.ts';
import { metaFor, ownedBy, parseSandboxInfo } from '../labels.ts';
import { computePodState } from '../pods/pod-state.ts';
import { watchObjects } from '../pods/pod-watch.ts';
import { isOurs } from '../pods/pods.ts';
import { checkOwner } from '../pods/start-pod.ts';
import { identify, podNote } from './claim-engine.ts';
import { sandboxPath } from './platform.ts';

interface Sandbox {
  readonly metadata?: V1ObjectMeta;
  readonly status?: { readonly selector?: string; readonly conditions?: readonly V1Condition[] };
}

/**
 * Sandboxes of agents.x-k8s.io that somebody else created. A session's labels on one make it the session's; Corral never
 * stops or deletes it. Its pods must be those of a template of this installation: only their daemons accept this server.
 */
export function adoptedEngine({ api, namespace, instance, pods, egressToken, ...options }: EngineOptions) {
  const objects = openCollection<Sandbox>(api, sandboxPath(namespace), 'sandboxes');
  const keep = ({ metadata: { managedFields: _, ...metadata } = {}, status }: Sandbox): Sandbox => ({
    metadata,
    ...(status && { status }),
  });
  const selector = { labelSelector: ownedBy(instance) };
  const watch = watchObjects<Sandbox>({ api, ...options, objects, keep, selector });
  const nameOf = ({ metadata }: Sandbox) => metadata?.name ?? '';
  const noteOf = ({ metadata }: Sandbox) => metadata?.annotations?.[podNote];
  const heldBy = async (id: SandboxId, signal: AbortSignal) =>
    (await watch.list(signal)).find(({ metadata }) => parseSandboxInfo(metadata, 'ready')?.id === id);
  async function podOf({ metadata, status }: Sandbox, signal: AbortSignal): Promise<V1Pod | undefined> {
    if (!status?.selector) return undefined;
    const { items } = await pods.list({ selector: { labelSelector: status.selector } }, signal);
    return items.find((pod) => pod.metadata?.ownerReferences?.some(({ uid }) => uid === metadata?.uid));
  }

  async function patch(sandbox: Sandbox, metadata: object, signal: AbortSignal) {
    const written = await objects.patch(nameOf(sandbox), { metadata }, signal);
    if (written) watch.seen(written);
    return written;
  }
  /** Takes the session's labels off; everything else stays as it is. */
  async function release(sandbox: Sandbox, signal: AbortSignal): Promise<void> {
    const { labels = {}, annotations = {} } = sandbox.metadata ?? {};
    const without = (pairs: object) =>
      Object.fromEntries(Object.keys(pairs).flatMap((key) => (key.startsWith('corral/') ? [[key, null]] : [])));
    await patch(sandbox, { labels: without(labels), annotations: without(annotations) }, signal);
  }

  /** Rejects unless this session, or a new one, can have the Sandbox `sandbox/NAME` of the namespace. */
  async function inspect(named: string, session: SessionId | undefined, signal: AbortSignal) {
    const found = await objects.get(named.replace(/^sandbox\//, ''), signal);
    if (!found || found.metadata?.deletionTimestamp)
      throw new AppError('not_found', `There is no ${named} in the namespace ${namespace} of this server's sandboxes.`);
    const [owner] = found.metadata?.ownerReferences ?? [];
    if (owner) throw new AppError('conflict', `${named} belongs to ${owner.kind} ${owner.name}, which can end it.`);
    const holder = found.metadata?.labels?.['corral/session'];
    if (holder !== undefined && holder !== session)
      throw new AppError('conflict', `${named} is in use by session ${holder}. Delete that session to release it.`);
    const pod = await podOf(found, signal);
    if (!pod || computePodState(pod).kind !== 'running') {
      const { message = 'it has no running pod' } =
        found.status?.conditions?.find(({ type }) => type === 'Ready') ?? {};
      throw new AppError('sandbox_unavailable', `${named} is not ready: ${message}. Start it, then try again.`);
    }
    if (!isOurs(pod, instance)) {
      const how = `Create it with the podTemplate of a SandboxTemplate that has the label corral/instance=${instance}.`;
      throw new AppError('unsupported', `The pod of ${named} has no daemon that accepts this server. ${how}`);
    }
    return { found, pod };
  }

  const engine: Engine = {
    begin(spec) {
      const { adopts: named = '' } = spec;
      let held: Sandbox = {};
      let isNew = false;
      return {
        async place(news, signal) {
          news({ phase: 'starting', detail: `Adopting ${named}` });
          const { found, pod } = await inspect(named, spec.sessionId, signal);
          isNew = parseSandboxInfo(found.metadata, 'ready') === undefined;
          if (!isNew) checkOwner('Sandbox', found, spec, instance);
          const version = { resourceVersion: found.metadata?.resourceVersion };
          const meta = metaFor(spec, instance, { [podNote]: uidOf(pod) });
          const written = await patch(found, { ...version, ...meta }, signal).catch((error) => {
            if (statusOf(error) !== 409) throw error; // it changed, perhaps because another session took it
            return undefined;
          });
          if (!written) return await this.place(news, signal);
          held = written;
          return pod;
        },
        async finish(link, pod, signal) {
          const token = egressToken(spec);
          if (token && pod.metadata?.labels?.['corral/egress'] === 'proxy')
            await identify(link, { spec, token }, signal);
          return held;
        },
        async undo(signal) {
          if (isNew && held.metadata) await release(held, signal);
        },
      };
    },
    async find(id, signal) {
      const held = await heldBy(id, signal);
      const pod = held && (await podOf(held, signal));
      return pod && uidOf(pod) === noteOf(held) ? pod : undefined;
    },
    async list(live, signal) {
      const running = new Set(live.flatMap((pod) => (computePodState(pod).kind === 'running' ? [uidOf(pod)] : [])));
      const phaseOf = (held: Sandbox): SandboxInfo['phase'] => {
        if (noteOf(held) === 'none') return 'stopped';
        return running.has(noteOf(held) ?? '') ? 'ready' : 'exited';
      };
      return (await watch.list(signal)).flatMap((held) => parseSandboxInfo(held.metadata, phaseOf(held)) ?? []);
    },
    async clear(id, workspace, signal) {
      const held = await heldBy(id, signal);
      if (!held) return;
      if (workspace === 'remove') await release(held, signal);
      else await patch(held, { annotations: { [podNote]: 'none' } }, signal);
    },
    [Symbol.asyncDispose]: watch[Symbol.asyncDispose],
  };
  return { ...engine, inspect };
}
