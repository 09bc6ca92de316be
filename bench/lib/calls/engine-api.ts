import { request } from 'node:http';
import type { SessionClient } from '../corral/client.ts';
import { monotonicMs } from '../measure/generator.ts';
import { goodAnswer } from './good-answer.ts';

// The part of the Docker engine's API that the peers need, directly over its socket.

const host = process.env.DOCKER_HOST ?? 'unix:///var/run/docker.sock';
export const socketPath = host.replace(/^unix:\/\//, '');

/** Sends a request that must succeed; resolves with its JSON, or undefined for another answer. */
export async function tell<Value>(method: string, path: string, body?: unknown): Promise<Value> {
  const json = body === undefined ? '' : JSON.stringify(body);
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(json) };
  const answer = await goodAnswer(request({ socketPath, method, path, headers, agent: false }).end(json));
  const text = (await answer.setEncoding('utf8').toArray()).join('');
  return (text.startsWith('{') || text.startsWith('[') ? JSON.parse(text) : undefined) as Value;
}

/** Why rows that need an engine cannot run; undefined when they can. */
export async function missingEngine(): Promise<string | undefined> {
  return tell('GET', '/_ping').then(
    () => undefined,
    () => 'no Docker engine answers',
  );
}

export interface Inspected {
  readonly Id: string;
  readonly Image: string;
  readonly Config: { readonly Env: readonly string[]; readonly Labels: Readonly<Record<string, string>> };
  readonly HostConfig: { readonly Mounts: readonly Mount[] };
}
interface Mount {
  readonly Type: string;
  readonly Source: string;
  readonly Target: string;
  readonly VolumeOptions?: { readonly NoCopy?: boolean };
}

/** The container of a session. */
export async function containerOf(session: string): Promise<Inspected> {
  const filters = encodeURIComponent(JSON.stringify({ label: [`corral.session=${session}`] }));
  const [found] = await tell<{ Id: string }[]>('GET', `/containers/json?filters=${filters}`);
  if (!found) throw new Error(`the session ${session} has no container`);
  return await tell('GET', `/containers/${found.Id}/json`);
}

/** The settings of a session's container, for peers that must equal it. Deletes the session afterwards. */
export async function likenessOf(client: SessionClient): Promise<Inspected> {
  const session = await client.started();
  const likeness = await containerOf(session);
  await client.remove(session);
  return likeness;
}

/** A container's processes, with their ids on this machine. */
export async function processesIn(id: string): Promise<{ pid: number; command: string }[]> {
  const { Processes } = await tell<{ Processes: string[][] }>('GET', `/containers/${id}/top?ps_args=-eo%20pid,args`);
  return Processes.map(([pid, ...command]) => ({ pid: Number(pid), command: command.join(' ') }));
}

/** Reports when a container is gone, by the engine's own events. */
export async function watchRemovals(): Promise<{ gone(id: string): Promise<number> } & Disposable> {
  const filters = encodeURIComponent(JSON.stringify({ type: ['container'], event: ['destroy'] }));
  const waiting = new Map<string, (at: number) => void>();
  const { promise: open, resolve, reject } = Promise.withResolvers<void>();
  const asked = request({ socketPath, path: `/events?filters=${filters}`, agent: false }, (response) => {
    resolve();
    response.setEncoding('utf8').on('data', (text: string) => {
      const at = monotonicMs();
      for (const [id, told] of waiting) if (text.includes(id)) told(at);
    });
  });
  asked.on('error', reject).end();
  await open;
  return {
    gone(id) {
      const { promise, resolve: told } = Promise.withResolvers<number>();
      waiting.set(id, told);
      return promise.finally(() => waiting.delete(id));
    },
    [Symbol.dispose]: () => void asked.destroy(),
  };
}
