import { once } from 'node:events';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import type { V1Pod } from '@kubernetes/client-node';
import { AppError } from '../../../src/core/errors/errors.ts';
import type { SandboxId } from '../../../src/core/model/ids.ts';
import type { SandboxLink } from '../../driver.ts';
import { openLinkEnd } from '../../shared/link/link-end.ts';
import { uidOf } from '../api/collection.ts';
import { parseSandboxInfo } from '../labels.ts';
import { type Dial, DiallingAgent } from './dialling-agent.ts';
import { computePodState } from './pod-state.ts';
import type { PodWatch } from './pod-watch.ts';
import type { SandboxKeys } from './sandbox-tokens.ts';

interface Options {
  readonly watch: PodWatch;
  readonly keys: SandboxKeys;
  dial(pod: V1Pod): Dial;
}

/** Pods that this process uses. Each is watched until it ends. */
export function openPodLinks({ watch, keys, dial }: Options) {
  const ends = new Map<SandboxId, { readonly uid: string; readonly lost: AbortController; following?: Disposable }>();

  /** Ends the pod's links: their `lost` signal fires with this reason. */
  function release(id: SandboxId, reason: AppError): void {
    const end = ends.get(id);
    ends.delete(id);
    end?.following?.[Symbol.dispose]();
    end?.lost.abort(reason);
  }

  function hold(id: SandboxId, pod: V1Pod): AbortSignal {
    const found = ends.get(id);
    if (found?.uid === uidOf(pod)) return found.lost.signal;
    release(id, new AppError('sandbox_lost', 'The sandbox was replaced.'));
    const end = { uid: uidOf(pod), lost: new AbortController() };
    ends.set(id, end);
    const following = watch.follow(pod, (now) => {
      const state = now && computePodState(now);
      if (!state) release(id, new AppError('sandbox_lost', 'The sandbox was removed.'));
      else if (state.kind === 'over') release(id, state.error);
    });
    if (ends.get(id) === end) ends.set(id, Object.assign(end, { following }));
    else following[Symbol.dispose]();
    return end.lost.signal;
  }

  return {
    link(id: SandboxId, pod: V1Pod): SandboxLink {
      const lost = hold(id, pod);
      const key = pod.metadata?.annotations?.['corral/key'];
      const isOwn = parseSandboxInfo(pod.metadata, 'ready') !== undefined; // not of a shared template
      const token = isOwn ? keys.daemonToken(id, key) : keys.signedToken(uidOf(pod), key);
      if (!token)
        throw new AppError('sandbox_not_found', 'The sandbox was created with a key that this server does not have.');
      const agent = new DiallingAgent(dial(pod), lost);
      const end = openLinkEnd(lost);
      const close = async () => {
        end.close();
        agent.destroy();
      };
      return { agent, token, workdir: '/workspace', lost: end.lost, [Symbol.asyncDispose]: close };
    },
    release,
    [Symbol.dispose]() {
      for (const { following } of ends.values()) following?.[Symbol.dispose]();
      ends.clear();
    },
  };
}

/** Dials the pod's own address. */
export const dialAddress =
  (host: string, port: number): Dial =>
  async (signal): Promise<Duplex> => {
    const socket = connect({ host, port, noDelay: true });
    socket.on('error', () => {});
    try {
      await once(socket, 'connect', { signal });
      return socket;
    } catch (error) {
      socket.destroy();
      throw error;
    }
  };
