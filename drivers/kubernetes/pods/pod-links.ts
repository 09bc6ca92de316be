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
import type { Dial } from './dialling-agent.ts';
import { DiallingAgent } from './dialling-agent.ts';
import { computePodState } from './pod-state.ts';
import type { PodWatch } from './pod-watch.ts';
import type { SandboxKeys } from './sandbox-tokens.ts';

const workdir = '/workspace';

interface End {
  readonly uid: string;
  readonly lost: AbortController;
  readonly following: Disposable;
}

interface Options {
  readonly watch: PodWatch;
  readonly keys: SandboxKeys;
  dial(pod: V1Pod): Dial;
}

/** Pods that this process uses. Each is watched until it ends. */
export function openPodLinks({ watch, keys, dial }: Options) {
  const ends = new Map<SandboxId, End>();

  function lose(id: SandboxId, end: End, reason: AppError): void {
    if (ends.get(id) === end) ends.delete(id);
    end.following[Symbol.dispose]();
    end.lost.abort(reason);
  }

  function hold(id: SandboxId, pod: V1Pod): End {
    const found = ends.get(id);
    if (found?.uid === uidOf(pod)) return found;
    if (found) lose(id, found, new AppError('sandbox_lost', 'The sandbox was replaced.'));
    const lost = new AbortController();
    let end: End | undefined;
    let early: AppError | undefined;
    const following = watch.follow(pod, (now) => {
      const state = now && computePodState(now);
      const reason = state
        ? state.kind === 'over' && state.error
        : new AppError('sandbox_lost', 'The sandbox was removed.');
      if (!reason) return;
      if (end) lose(id, end, reason);
      else early = reason;
    });
    end = { uid: uidOf(pod), lost, following };
    ends.set(id, end);
    if (early) lose(id, end, early);
    return end;
  }

  return {
    link(id: SandboxId, pod: V1Pod): SandboxLink {
      const { lost } = hold(id, pod);
      const key = pod.metadata?.annotations?.['corral/key'];
      const isOwn = parseSandboxInfo(pod.metadata, 'ready') !== undefined; // not of a shared template
      const token = isOwn ? keys.daemonToken(id, key) : keys.signedToken(uidOf(pod), key);
      if (!token)
        throw new AppError('sandbox_not_found', 'The sandbox was created with a key that this server does not have.');
      const agent = new DiallingAgent(dial(pod), lost.signal);
      const end = openLinkEnd(lost.signal);
      const close = async () => {
        end.close();
        agent.destroy();
      };
      return { agent, token, workdir, lost: end.lost, [Symbol.asyncDispose]: close };
    },
    /** Ends the pod's links: their `lost` signal fires with this reason. */
    release(id: SandboxId, reason: AppError): void {
      const found = ends.get(id);
      if (found) lose(id, found, reason);
    },
    [Symbol.dispose]() {
      for (const { following } of ends.values()) following[Symbol.dispose]();
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
