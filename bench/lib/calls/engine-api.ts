import { request } from 'node:http';
import { monotonicMs } from '../measure/generator.ts';
import { awaitOkResponse } from './http-calls.ts';

const host = process.env.DOCKER_HOST ?? 'unix:///var/run/docker.sock';
const socketPath = host.replace(/^unix:\/\//, '');

export function sendEngineRequest(ask: { method: string; path: string; headers?: object }, body: string | Buffer = '') {
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), ...ask.headers };
  return request({ ...ask, socketPath, headers, agent: false }).end(body);
}

export async function callEngineApi<Value>(method: string, path: string, body?: unknown): Promise<Value> {
  const answer = await awaitOkResponse(
    sendEngineRequest({ method, path }, body === undefined ? '' : JSON.stringify(body)),
  );
  const text = (await answer.setEncoding('utf8').toArray()).join('');
  return (text.startsWith('{') || text.startsWith('[') ? JSON.parse(text) : undefined) as Value;
}

export async function describeMissingEngine(): Promise<string | undefined> {
  return callEngineApi('GET', '/_ping').then(
    () => undefined,
    () => 'no Docker engine answers',
  );
}

export interface ContainerInspection {
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

export async function inspectSessionContainer(session: string): Promise<ContainerInspection> {
  const filters = encodeURIComponent(JSON.stringify({ label: [`corral.session=${session}`] }));
  const [found] = await callEngineApi<{ Id: string }[]>('GET', `/containers/json?filters=${filters}`);
  if (!found) throw new Error(`the session ${session} has no container`);
  return await callEngineApi('GET', `/containers/${found.Id}/json`);
}

/** Process ids are those of this machine. */
export async function listContainerProcesses(id: string): Promise<{ pid: number; command: string }[]> {
  const { Processes } = await callEngineApi<{ Processes: string[][] }>(
    'GET',
    `/containers/${id}/top?ps_args=-eo%20pid,args`,
  );
  return Processes.map(([pid, ...command]) => ({ pid: Number(pid), command: command.join(' ') }));
}

export async function waitUntilRemoved(id: string): Promise<number> {
  await callEngineApi('POST', `/containers/${id}/wait?condition=removed`);
  return monotonicMs();
}

interface ContainerSummary {
  readonly Names: readonly string[];
  readonly Id: string;
}

export async function listUnclaimedContainers(instance: string): Promise<string[]> {
  const filters = encodeURIComponent(
    JSON.stringify({ label: ['corral.pool', `corral.owner-instance=${instance}`], status: ['running'] }),
  );
  const all = await callEngineApi<ContainerSummary[]>('GET', `/containers/json?filters=${filters}`);
  return all.filter(({ Names }) => Names.some((name) => name.includes('-warm-'))).map(({ Id }) => Id);
}
