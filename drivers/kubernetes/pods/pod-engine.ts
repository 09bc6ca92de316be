import type { V1Pod } from '@kubernetes/client-node';
import { pause } from '../../../src/core/concurrency/cancel.ts';
import { AppError } from '../../../src/core/errors/errors.ts';
import type { SandboxId } from '../../../src/core/model/ids.ts';
import type { SandboxInfo, SandboxSpec } from '../../driver.ts';
import type { Engine } from '../engine.ts';
import { parseSandboxInfo } from '../labels.ts';
import { computePodState } from './pod-state.ts';
import type { PodWatch } from './pod-watch.ts';
import { isOurs, type Pods } from './pods.ts';
import type { SandboxKeys } from './sandbox-tokens.ts';
import { checkOwner, untilRunning } from './start-pod.ts';
import type { VolumeClaims } from './volume-claims.ts';

interface Options {
  readonly instance: string;
  readonly pods: Pods;
  readonly watch: PodWatch;
  readonly keys: SandboxKeys;
  /** Undefined: workspaces end with their pods. */
  readonly volumes: VolumeClaims | undefined;
  readonly pendingMs: number;
  nameOf(id: SandboxId): string;
  bodyFor(spec: SandboxSpec): V1Pod;
}

interface PodEngine extends Engine {
  /** Whether the sandbox has a pod or files here, so that its start belongs to this engine. */
  holds(id: SandboxId, signal: AbortSignal): Promise<boolean>;
}

/** Pods, and volume claims of their workspaces, that this server creates itself. */
export function podEngine({ instance, pods, watch, keys, volumes, pendingMs, nameOf, bodyFor }: Options): PodEngine {
  async function find(id: SandboxId, signal: AbortSignal): Promise<V1Pod | undefined> {
    const found = await pods.get(nameOf(id), signal);
    return isOurs(found, instance) && parseSandboxInfo(found.metadata, 'ready') ? found : undefined;
  }

  async function clear(id: SandboxId, workspace: 'keep' | 'remove', signal: AbortSignal): Promise<void> {
    const pod = await find(id, signal);
    if (pod) await pods.remove(pod, signal);
    if (workspace === 'remove') await volumes?.remove(nameOf(id), signal);
  }

  /** Creates the sandbox's pod, or adopts the running pod with its name. */
  async function startPod(body: V1Pod, spec: SandboxSpec, signal: AbortSignal): Promise<V1Pod> {
    for (;;) {
      const created = await pods.create(body, signal);
      if (created) return created;
      const found = await pods.get(nameOf(spec.id), signal);
      if (found) {
        checkOwner('pod', found, spec, instance);
        const known = keys.daemonToken(spec.id, found.metadata?.annotations?.['corral/key']) !== undefined;
        if (known && computePodState(found).kind !== 'over') return found;
        await pods.remove(found, signal); // a workspace in a volume claim is kept
      }
      await pause(25, signal);
    }
  }

  return {
    begin(spec) {
      const { id } = spec;
      const body = bodyFor(spec);
      let volume: 'kept' | 'made' | undefined;
      return {
        async run(news, signal) {
          volume = await volumes?.ensure(nameOf(id), spec, signal);
          news({ phase: 'starting', detail: `Starting a pod of ${spec.image}` });
          const placed = await startPod(body, spec, signal);
          const stuck = (detail: string) => news({ phase: 'starting', detail });
          return await untilRunning(watch, placed, { patienceMs: pendingMs, stuck }, signal);
        },
        async finish(_link, { metadata }) {
          const info = parseSandboxInfo(metadata, 'ready');
          if (!info) throw new AppError('sandbox_unavailable', "The labels of the sandbox's pod were changed.");
          return info;
        },
        async undo(signal) {
          const found = await pods.get(nameOf(id), signal);
          const attempt = body.metadata?.annotations?.['corral/attempt'];
          if (found && found.metadata?.annotations?.['corral/attempt'] !== attempt) return;
          await clear(id, volume === 'made' ? 'remove' : 'keep', signal);
        },
      };
    },
    find,
    holds: async (id, signal) => (await (volumes ? volumes.get(nameOf(id), signal) : find(id, signal))) !== undefined,
    async list(live, signal) {
      const infos = live.flatMap((pod) => parseSandboxInfo(pod.metadata, phaseOf(pod)) ?? []);
      const kept = (await volumes?.list(signal)) ?? [];
      const taken = new Set(infos.map(({ id }) => id));
      const stopped = kept.flatMap(({ metadata }) => parseSandboxInfo(metadata, 'stopped') ?? []);
      return [...infos, ...stopped.filter(({ id }) => !taken.has(id))];
    },
    clear,
    [Symbol.asyncDispose]: async () => await volumes?.[Symbol.asyncDispose](),
  };
}

function phaseOf(pod: V1Pod): SandboxInfo['phase'] {
  const { kind } = computePodState(pod);
  if (kind === 'over') return 'exited';
  return kind === 'running' ? 'ready' : 'starting';
}
