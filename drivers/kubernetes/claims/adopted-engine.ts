import { AppError } from '../../../src/core/errors/errors.ts';
import type { SandboxId, SessionId } from '../../../src/core/model/ids.ts';
import { readKubeErrorStatus } from '../api/api.ts';
import { uidOf } from '../api/collection.ts';
import type { SandboxEngine, SandboxEngineOptions } from '../engine.ts';
import { assertBelongsToSession, createObjectMetadata, isOwnPod, parseSandboxInfo } from '../labels.ts';
import { computePodState } from '../pods/pod-state.ts';
import { sandboxesPath } from './platform.ts';
import {
  createIdentityCommand,
  openSessionObjects,
  podAnnotation,
  readyConditionOf,
  type SessionObject,
} from './session-objects.ts';

/** Never stops or deletes adopted sandboxes. Their pods must use a template of this installation. */
export function createAdoptionEngine(options: SandboxEngineOptions) {
  const { namespace, instance } = options;
  const sandboxes = openSessionObjects(options, {
    path: sandboxesPath(namespace),
    what: 'sandboxes',
    podNameOf: ({ metadata }) => metadata?.annotations?.['agents.x-k8s.io/pod-name'] ?? metadata?.name,
  });
  const heldBy = async (id: SandboxId, signal: AbortSignal) =>
    (await sandboxes.list(signal)).find(({ metadata }) => parseSandboxInfo(metadata, 'ready')?.id === id);

  async function release(sandbox: SessionObject, signal: AbortSignal): Promise<void> {
    const { labels = {}, annotations = {} } = sandbox.metadata ?? {};
    const without = (pairs: object) =>
      Object.fromEntries(Object.keys(pairs).flatMap((key) => (key.startsWith('corral/') ? [[key, null]] : [])));
    const metadata = { labels: without(labels), annotations: without(annotations) };
    await sandboxes.patch(sandbox, { metadata }, signal);
  }

  async function inspect(named: string, session: SessionId | undefined, signal: AbortSignal) {
    const found = await sandboxes.get(named.replace(/^sandbox\//, ''), signal);
    if (!found || found.metadata?.deletionTimestamp)
      throw new AppError('not_found', `There is no ${named} in the namespace ${namespace} of this server's sandboxes.`);
    const [owner] = found.metadata?.ownerReferences ?? [];
    if (owner) throw new AppError('conflict', `${named} belongs to ${owner.kind} ${owner.name}, which can end it.`);
    const holder = found.metadata?.labels?.['corral/session'];
    if (holder !== undefined && holder !== session)
      throw new AppError('conflict', `${named} is in use by session ${holder}. Delete that session to release it.`);
    const pod = await sandboxes.podOf(found, signal);
    if (!pod || computePodState(pod).kind !== 'running') {
      const { message = 'it has no running pod' } = readyConditionOf(found) ?? {};
      throw new AppError('sandbox_unavailable', `${named} is not ready: ${message}. Start it, then try again.`);
    }
    if (!isOwnPod(pod, instance) || !pod.metadata?.ownerReferences?.some(({ uid }) => uid === found.metadata?.uid)) {
      const how = `Create it with the podTemplate of a SandboxTemplate that has the label corral/instance=${instance}.`;
      throw new AppError('unsupported', `The pod of ${named} has no daemon that accepts this server. ${how}`);
    }
    return { found, pod };
  }

  const engine: SandboxEngine = {
    begin(spec) {
      const { adopts: named = '' } = spec;
      let held: SessionObject = {};
      let isNew = false;
      return {
        async place(news, signal) {
          news({ phase: 'starting', detail: `Adopting ${named}` });
          const { found, pod } = await inspect(named, spec.sessionId, signal);
          isNew = parseSandboxInfo(found.metadata, 'ready') === undefined;
          if (!isNew) assertBelongsToSession('Sandbox', found, spec, instance);
          const version = { resourceVersion: found.metadata?.resourceVersion };
          const metadata = { ...version, ...createObjectMetadata(spec, instance, { [podAnnotation]: uidOf(pod) }) };
          const written = await sandboxes.patch(found, { metadata }, signal).catch((error) => {
            if (readKubeErrorStatus(error) !== 409) throw error;
            return undefined;
          });
          if (!written) return await this.place(news, signal);
          held = written;
          return pod;
        },
        identity: ({ metadata }) =>
          metadata?.labels?.['corral/egress'] === 'proxy' ? createIdentityCommand(options, spec) : undefined,
        finish: async () => held,
        async undo(signal) {
          if (isNew && held.metadata) await release(held, signal);
        },
      };
    },
    async find(id, signal) {
      const held = await heldBy(id, signal);
      return held && (await sandboxes.usedPod(held, signal));
    },
    list: sandboxes.infos,
    async clear(id, workspace, signal) {
      const held = await heldBy(id, signal);
      if (!held) return;
      if (workspace === 'remove') await release(held, signal);
      else await sandboxes.noteStop(held, signal);
    },
    [Symbol.asyncDispose]: sandboxes[Symbol.asyncDispose],
  };
  return { ...engine, inspect };
}
