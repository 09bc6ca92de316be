import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import type { V1Pod } from '@kubernetes/client-node';
import { combineSignals, raceAbort, sleep } from '../../../src/core/concurrency/cancel.ts';
import { AppError } from '../../../src/core/errors/errors.ts';
import type { SandboxId } from '../../../src/core/model/ids.ts';
import type { SandboxLink } from '../../driver.ts';
import { type DialFunction, DiallingHttpAgent } from '../../shared/link/dialling-agent.ts';
import { createLinkLifetime } from '../../shared/link/sandbox-endpoint.ts';
import { uidOf } from '../api/collection.ts';
import { parseSandboxInfo } from '../labels.ts';
import { computePodState, type Pods } from './pod-state.ts';
import type { SandboxTokenDeriver } from './sandbox-tokens.ts';

interface Options {
  readonly pods: Pods;
  readonly keys: SandboxTokenDeriver;
  dial(pod: V1Pod): DialFunction;
}

interface UsedPod {
  readonly uid: string;
  readonly lost: AbortController;
  following?: Disposable;
  started?: V1Pod;
}
export function openPodLinks({ pods, keys, dial }: Options) {
  const ends = new Map<SandboxId, UsedPod>();

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
    const end: UsedPod = { uid: uidOf(pod), lost: new AbortController() };
    ends.set(id, end);
    const following = pods.follow(pod, (now) => {
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
      const isOwn = parseSandboxInfo(pod.metadata, 'ready') !== undefined; // false for pods of a shared template
      const token = isOwn ? keys.daemonToken(id, key) : keys.signedToken(uidOf(pod), key);
      if (!token)
        throw new AppError('sandbox_not_found', 'The sandbox was created with a key that this server does not have.');
      const agent = new DiallingHttpAgent(dial(pod), lost);
      const end = createLinkLifetime(lost);
      const close = async () => {
        end.close();
        agent.destroy();
      };
      return { agent, token, workdir: '/workspace', lost: end.lost, [Symbol.asyncDispose]: close };
    },
    release,
    noteStart(id: SandboxId, pod: V1Pod): void {
      const end = ends.get(id);
      if (end?.uid === uidOf(pod)) end.started = pod;
    },
    /** Undefined if another process started the pod, or the watch has reported its end. */
    started: (id: SandboxId): V1Pod | undefined => ends.get(id)?.started,
    [Symbol.dispose]() {
      for (const { following } of ends.values()) following?.[Symbol.dispose]();
      ends.clear();
    },
  };
}

type DaemonLink = Pick<SandboxLink, 'agent' | 'token'>;
const attemptMs = 10_000;

/** `identity` replaces the 70 ms health check. Rejects with sandbox_unavailable if the token or identity is refused. */
export async function waitForDaemon(
  { agent, token, lost }: SandboxLink,
  signal: AbortSignal,
  identity?: string,
): Promise<void> {
  const either = combineSignals([signal, lost]);
  const [path, body] = identity ? (['/exec', { command: identity, timeoutMs: attemptMs }] as const) : ['/health'];
  for (let ms = 20; ; ms = Math.min(ms * 1.5, 500)) {
    const soon = combineSignals([either, AbortSignal.timeout(attemptMs)]);
    // Read the whole response, so that the next call reuses the connection.
    const call = callDaemon({ agent, token }, path, soon, body).then(async (response) => ({
      status: response.statusCode,
      output: await text(response),
    }));
    const { status, output } = await raceAbort(call, soon).catch((error) => {
      if (signal.aborted) throw error;
      return { status: undefined, output: '' };
    });
    if (lost.aborted) throw lost.reason;
    if (status === 200 && (!identity || parseStdout(output).trim() === 'done')) return;
    if (status === 200) {
      const advice = 'The sandbox cannot store its identity: its image lacks bash or mv.';
      throw new AppError('sandbox_unavailable', advice);
    }
    if (status === 401) {
      const advice = 'Use an image that was built for this server.';
      throw new AppError('sandbox_unavailable', `The sandbox's daemon does not accept this server's token. ${advice}`);
    }
    await sleep(ms, either).catch((error) => {
      throw lost.aborted ? lost.reason : error;
    });
  }
}

export const execInSandbox = async (
  link: SandboxLink,
  command: { readonly command: string; readonly timeoutMs: number },
  signal: AbortSignal,
) => parseStdout(await text(await callDaemon(link, '/exec', signal, command)));
const parseStdout = (answer: string): string => JSON.parse(answer).stdout ?? '';

async function callDaemon({ agent, token }: DaemonLink, path: string, signal: AbortSignal, body?: object) {
  const headers = { authorization: `Bearer ${token.reveal()}`, ...(body && { 'content-type': 'application/json' }) };
  const call = request(`http://sandbox${path}`, { method: body ? 'POST' : 'GET', agent, headers, signal });
  call.on('error', () => {});
  call.end(body && JSON.stringify(body));
  const [response] = (await once(call, 'response')) as [IncomingMessage];
  return response;
}
