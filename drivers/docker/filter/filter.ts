import { once } from 'node:events';
import { chmod, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { z } from 'zod';
import type { UserIdRange } from '../../shared/user-range.ts';
import { createChownArchive } from '../workspace-owner.ts';
import {
  createContainerRules,
  createProcessRules,
  createVolumeRules,
  type FilterScope,
  findMountedFolder,
  includesUser,
  isolationRules,
  noSwapRule,
  tmpfsOptionsRule,
} from './container-rules.ts';
import type { SocketFolders } from './owned-folders.ts';
import { decideRoute, filtersByLabel, type RouteDecision } from './routes.ts';

const besidePrefix = 'container:';

export function isServiceContainerName(instance: string, name: string): boolean {
  const prefix = `corral-${instance}-`;
  return name.startsWith(prefix) && /^[0-9a-f]{16}-svc-[a-z][a-z0-9-]{0,30}$/.test(name.slice(prefix.length));
}

/** Accepts exactly the shape of `createServiceBody`. The filter checks the network separately. */
export function createServiceRules({
  instance,
  users,
}: Pick<FilterScope, 'instance' | 'users'>): z.ZodType<ServiceBody> {
  const host = z
    .strictObject({
      ...isolationRules,
      NetworkMode: z.string().regex(/^container:[0-9a-f]{64}$/),
      Tmpfs: z.record(z.string().regex(/^(\/[\w.-]+)+$/), tmpfsOptionsRule),
      Runtime: z.enum(['runc', 'crun', 'youki']).optional(),
    })
    .refine(noSwapRule.is, { message: noSwapRule.message });
  return z.strictObject({
    ...createProcessRules({ instance, users }),
    Cmd: z.array(z.string()).optional(),
    Healthcheck: z.strictObject({
      Test: z.array(z.string()).min(1),
      Interval: z.int().min(0).optional(),
      Timeout: z.int().min(0).optional(),
      Retries: z.int().min(0).optional(),
      StartPeriod: z.int().min(0).optional(),
    }),
    HostConfig: host,
  });
}
interface ServiceBody {
  readonly HostConfig: { readonly NetworkMode: string };
}

export const parseJoinedContainer = ({ HostConfig }: ServiceBody): string =>
  HostConfig.NetworkMode.slice(besidePrefix.length);

export interface FilterOptions {
  readonly instance: string;
  readonly users: UserIdRange;
  readonly folders: SocketFolders;
  readonly engine: string;
  readonly listen: string;
  readonly onRefused: (request: string, why: string) => void;
}
const maxBodyBytes = 2 ** 20;

/** Allows only requests that sandboxes need. Access to the engine's own socket amounts to root on the host. */
export async function startEngineFilter(options: FilterOptions): Promise<AsyncDisposable> {
  const server = createServer({ requestTimeout: 0, headersTimeout: 10_000 }, (incoming, reply) => {
    decide(options, incoming)
      .then((decided) =>
        decided === 'done' ? void reply.writeHead(204).end() : forward(options.engine, incoming, reply, decided),
      )
      .catch((thrown: unknown) => {
        const { status, why } = thrown instanceof Refusal ? thrown : { status: 502, why: 'the engine does not answer' };
        if (status === 403) options.onRefused(`${incoming.method} ${incoming.url?.split('?')[0]}`, why);
        if (reply.headersSent) return void reply.destroy();
        reply.writeHead(status, { 'content-type': 'application/json', connection: 'close' });
        reply.end(JSON.stringify({ message: `Corral's engine filter: ${why}.` }));
      });
  });
  server.on('upgrade', (_request, socket) => socket.destroy()); // refuses attach and exec, which upgrade the connection
  await rm(options.listen, { force: true });
  server.listen(options.listen);
  await once(server, 'listening');
  await chmod(options.listen, 0o660);
  return {
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

class Refusal extends Error {
  readonly status: number;
  readonly why: string;
  constructor(status: number, why: string) {
    super(why);
    this.status = status;
    this.why = why;
  }
}

/** Resolves with the new body, `undefined` to forward the request unchanged, or `done` if already handled. */
async function decide(options: FilterOptions, incoming: IncomingMessage): Promise<Buffer | 'done' | undefined> {
  const { method = '', url = '' } = incoming;
  const label = `corral.owner-instance=${options.instance}`;
  const verdict = decideRoute(method, url);
  switch (verdict.kind) {
    case 'pass':
      return undefined;
    case 'labelled-list':
      if (!filtersByLabel(url, label)) throw new Refusal(403, `a list needs the filter label=${label}`);
      return undefined;
    case 'own':
      return await onlyOwn(options, verdict);
    case 'give-workspace':
      return await onlyItsOwner(options, verdict.id);
    case 'create':
      return await onlyHardened(options, verdict.name, incoming);
    case 'create-volume':
      return await onlyLabels(options, incoming);
    case 'make-folder':
      await options.folders.make(verdict.id).catch((error) => {
        throw new Refusal(500, `the folder of ${verdict.id} could not be created (${error.code})`);
      });
      return 'done';
    case 'remove-folder':
      await options.folders.remove(verdict.id).catch((error) => {
        throw new Refusal(409, `the folder of ${verdict.id} could not be removed (${error.code}); empty it first`);
      });
      return 'done';
    case 'refuse':
      throw new Refusal(403, verdict.why);
  }
}

async function onlyOwn(options: FilterOptions, verdict: RouteDecision & { kind: 'own' }): Promise<undefined> {
  const { newName, starts } = verdict;
  const { HostConfig, labels } = await readOwned(options, verdict);
  if (newName !== undefined) checkName(options, newName);
  if (starts) await onlyOurFolder(options, labels, HostConfig);
}

/** The engine extracts archives as root, so the client's archive is never forwarded. */
async function onlyItsOwner(options: FilterOptions, id: string): Promise<Buffer> {
  const { Config } = await readOwned(options, { what: 'containers', id });
  const user = Number.parseInt(Config?.User ?? '', 10);
  if (!includesUser(options.users, user)) throw new Refusal(403, 'the container does not run as a sandbox user');
  return createChownArchive(user);
}

async function readOwned(
  { engine, instance }: FilterOptions,
  { what, id }: Pick<RouteDecision & { kind: 'own' }, 'what' | 'id'>,
): Promise<ContainerInfo & { readonly labels: Labels }> {
  const { status, json } = await ask(engine, what === 'containers' ? `/containers/${id}/json` : `/volumes/${id}`);
  const found = json as ContainerInfo;
  const labels = what === 'containers' ? found.Config?.Labels : found.Labels;
  if (status !== 200 || labels?.['corral.owner-instance'] !== instance)
    throw new Refusal(404, `there is no ${id} among the ${what}`);
  return { ...found, labels };
}
type Labels = Record<string, string> | null;
interface ContainerInfo {
  readonly Id?: string;
  readonly Config?: { readonly Labels?: Labels; readonly User?: string };
  readonly HostConfig?: Host;
  readonly Labels?: Labels;
}
interface Host {
  readonly NetworkMode?: string;
  readonly Binds?: readonly string[] | null;
  readonly Mounts?: readonly { readonly Type: string; readonly Source: string }[] | null;
}

/** Called before every start, because the engine resolves the mount's path each time. */
async function onlyOurFolder({ folders }: FilterOptions, labels: Labels, host: Host | undefined): Promise<void> {
  const target = findMountedFolder(folders.root, labels);
  const mounted = [
    ...(host?.Binds ?? []),
    ...(host?.Mounts ?? []).filter(({ Type }) => Type !== 'volume').map(({ Source }) => Source),
  ];
  if (mounted.length === 0) return;
  if (target === undefined || mounted.length !== 1 || mounted[0] !== target) {
    throw new Refusal(403, `the container mounts something other than its folder in ${folders.root}; create it again`);
  }
  await checkFolder(folders, labels);
}

async function checkFolder(folders: SocketFolders, labels: Labels | undefined): Promise<void> {
  const id = labels?.['corral.sandbox'] ?? '';
  if (!(await folders.isOurs(id)))
    throw new Refusal(403, `there is no folder for ${id} yet: PUT /corral/sockets/${id}`);
}

async function onlyHardened(options: FilterOptions, name: string, incoming: IncomingMessage): Promise<Buffer> {
  checkName(options, name);
  const { instance, users, folders } = options;
  if (isServiceContainerName(instance, name)) return await onlyBesideOurs(options, incoming);
  const rules = createContainerRules({ instance, users, root: folders.root }, name);
  const { data, error } = rules.safeParse(parsed(await readBody(incoming)));
  if (error) throw new Refusal(403, `this container is not allowed: ${z.prettifyError(error)}`);
  await checkFolder(folders, (data as { Labels: Record<string, string> }).Labels);
  // Serialize the parsed body, because the engine could read a duplicate key differently.
  return Buffer.from(JSON.stringify(data));
}

async function onlyBesideOurs(options: FilterOptions, incoming: IncomingMessage): Promise<Buffer> {
  const { data, error } = createServiceRules(options).safeParse(parsed(await readBody(incoming)));
  if (error) throw new Refusal(403, `this container is not allowed: ${z.prettifyError(error)}`);
  const { Id, HostConfig } = await readOwned(options, { what: 'containers', id: parseJoinedContainer(data) });
  if (Id !== parseJoinedContainer(data) || HostConfig?.NetworkMode !== 'none') {
    throw new Refusal(403, 'a service can join only a sandbox whose network is none');
  }
  return Buffer.from(JSON.stringify(data));
}

async function onlyLabels(options: FilterOptions, incoming: IncomingMessage): Promise<Buffer> {
  const { data, error } = createVolumeRules(options.instance).safeParse(parsed(await readBody(incoming)));
  if (error) throw new Refusal(403, `this volume is not allowed: ${z.prettifyError(error)}`);
  return Buffer.from(JSON.stringify(data));
}

function checkName({ instance }: FilterOptions, name: string): void {
  const prefix = `corral-${instance}-`;
  if (!name.startsWith(prefix)) throw new Refusal(403, `a container's name must begin with ${prefix}`);
}

function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    throw new Refusal(400, 'the body is not JSON');
  }
}

async function readBody(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBodyBytes) throw new Refusal(413, 'the body exceeds 1 MiB');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

async function ask(engine: string, path: string): Promise<{ status: number; json: unknown }> {
  const outgoing = request({ socketPath: engine, path, agent: false, timeout: 10_000 });
  outgoing.on('timeout', () => outgoing.destroy(new Error('no answer within 10 s'))).end();
  const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of answer as AsyncIterable<Buffer>) chunks.push(chunk);
  return { status: answer.statusCode ?? 0, json: JSON.parse(Buffer.concat(chunks).toString('utf8')) };
}

async function forward(
  engine: string,
  incoming: IncomingMessage,
  reply: ServerResponse,
  body: Buffer | undefined,
): Promise<void> {
  const { connection: _connection, upgrade: _upgrade, 'transfer-encoding': _chunked, ...headers } = incoming.headers;
  if (body) headers['content-length'] = String(body.length);
  const outgoing = request({ socketPath: engine, method: incoming.method, path: incoming.url, headers, agent: false });
  reply.on('close', () => outgoing.destroy());
  outgoing.end(body);
  const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
  answer.on('error', () => reply.destroy());
  outgoing.on('error', () => reply.destroy());
  reply.writeHead(answer.statusCode ?? 502, answer.headers);
  reply.flushHeaders();
  answer.pipe(reply);
}
