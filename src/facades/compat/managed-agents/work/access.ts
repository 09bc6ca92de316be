import type { IncomingHttpHeaders } from 'node:http';
import { isWorkerCredential } from '../../../../auth/environment-keys.ts';
import { lockedOutError } from '../../../../auth/lockout.ts';
import { ServerComponent } from '../../../../core/contracts/server-parts.ts';
import { AppError, toAppError } from '../../../../core/errors/errors.ts';
import type { Principal } from '../../../../core/model/principal.ts';
import type { SessionRecord } from '../../../../core/model/records.ts';
import { runAsCaller } from '../../../../http/guard/caller.ts';
import { findOwnerProjects } from '../../../../http/guard/credentials.ts';
import type { CredentialIssuer, WorkerIdentity } from '../../../../sessions/api/server/work-queue.ts';
import type { FacadeDeps } from '../../../shared/facade.ts';
import { invalidRequestError, ManagedAgentsError } from '../errors.ts';
import type { ApiRequest, ApiRoute, RouteGuard } from '../route.ts';
import { parseSessionId } from '../sessions/ids.ts';
import type { InboundEvent } from '../sessions/inbound.ts';
import { parseManagedSessionContent } from '../sessions/kept-session.ts';

// A worker's credential is accepted only by routes that list its kind in `worker`. It has its creator's permissions
// within one environment.

const header = 'x-corral-worker';

/** Hides a worker's credential from the guard, which would mistake it for a key. */
export function moveWorkerCredential(headers: IncomingHttpHeaders): void {
  delete headers[header];
  const presented = /^bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1];
  if (presented === undefined || !isWorkerCredential(presented)) return;
  headers[header] = presented;
  delete headers.authorization;
}

type AccessParts = Pick<FacadeDeps, 'workers' | 'credentials'> & {
  readonly services: Pick<FacadeDeps['services'], 'sessions'>;
};
const unauthorized = () => new AppError('unauthorized', 'A valid key is needed.');

export class WorkerRouteGuard extends ServerComponent<AccessParts> implements RouteGuard {
  async run(endpoint: string, route: ApiRoute, apiRequest: ApiRequest): Promise<unknown> {
    const { request } = apiRequest;
    const presented = request.headers[header];
    if (typeof presented !== 'string') {
      if (!request.known) throw unauthorized();
      return await route.run(apiRequest);
    }
    const worker = await this.#findWorker(presented, request.client.address);
    const kind = worker.work ? 'session' : 'environment';
    if (!route.worker?.includes(kind))
      throw new AppError(
        'forbidden',
        `${kind === 'session' ? "A session's token" : "An environment's key"} does not open this.`,
      );
    const principal = toPrincipal(worker, this.deps.credentials);
    const caller = { principal, address: request.client.address, request: request.id };
    return await runAsCaller(caller, async () => {
      await this.#refuseOthers(worker, endpoint, apiRequest);
      return await route.run({ ...apiRequest, worker });
    });
  }

  async #findWorker(presented: string, address: string): Promise<WorkerIdentity> {
    const { workers, credentials } = this.deps;
    const worker = await workers?.find(presented).catch((thrown: unknown) => {
      const { code, message } = toAppError(thrown);
      // tells the worker that its credential was revoked
      throw code === 'unauthorized' ? new ManagedAgentsError(code, message) : thrown;
    });
    if (worker && isAlive(worker.maker, credentials)) return worker;
    if (worker)
      throw new ManagedAgentsError('unauthorized', 'The key that made the key of this environment is no longer valid.');
    // A wrong work token does not count as a guess, because a worker may still send an old one.
    const wait = presented.startsWith('crlwork_') ? 0 : credentials.failed(address);
    if (wait > 0) throw lockedOutError(wait);
    throw unauthorized();
  }

  /** A worker sees other environments and sessions as missing. */
  async #refuseOthers(worker: WorkerIdentity, endpoint: string, { params, request }: ApiRequest): Promise<void> {
    const { environmentId, work } = worker;
    const { id = '', work: workId } = params;
    const [, , kind] = endpoint.split('/', 3); // from the matched route, not from the caller's URL
    if (kind === 'environments') {
      if (id !== environmentId) throw new AppError('not_found', `There is no environment ${id}.`);
      if (work && work.id !== workId) throw new AppError('not_found', 'The environment has no such work item.');
      return;
    }
    if (kind === 'memory_stores') {
      await this.#refuseOtherStores(worker, id, request.method !== 'GET');
      return;
    }
    if (kind === 'skills') {
      await this.#refuseOtherSkills(worker, id);
      return;
    }
    const sessionId = parseSessionId(id);
    const gone = new AppError('session_not_found', `There is no session ${id}.`);
    if (work && work.sessionId !== sessionId) throw gone;
    if (!isOfQueue(await this.deps.services.sessions.get(sessionId), worker)) throw gone;
  }

  /** Workers can use only their session's memory stores, with the session's own permissions. */
  async #refuseOtherStores(worker: WorkerIdentity, id: string, isWrite: boolean): Promise<void> {
    const record = worker.work && (await this.deps.services.sessions.get(worker.work.sessionId));
    const mounted = record && isOfQueue(record, worker) ? record.agent?.memoryStores : undefined;
    const store = mounted?.find((one) => one.store === id);
    if (!store) throw new AppError('not_found', 'There is no such memory store.');
    if (isWrite && store.access === 'read_only')
      throw new AppError('forbidden', 'The session has this memory store to read it only.');
  }

  async #refuseOtherSkills(worker: WorkerIdentity, id: string): Promise<void> {
    const { sessions } = this.deps.services;
    const keep = (record: SessionRecord) =>
      isOfQueue(record, worker) && (record.agent?.skills?.some(({ skill }) => skill === id) ?? false);
    const own = worker.work
      ? [await sessions.get(worker.work.sessionId)]
      : await sessions.list({ limit: 1, after: undefined, keep });
    if (!own.some(keep)) throw new AppError('not_found', 'There is no such skill.');
  }
}

const isOfQueue = (record: Pick<SessionRecord, 'agent'>, { environmentId }: WorkerIdentity): boolean =>
  record.agent?.environment === environmentId && parseManagedSessionContent(record)?.environmentId === environmentId;

function isAlive({ key, seal }: CredentialIssuer, credentials: AccessParts['credentials']): boolean {
  if (key !== undefined) return credentials.live(key) !== undefined;
  return (seal ?? '') === credentials.serverSeal;
}

const principals = new WeakMap<AbortSignal, Principal>();
/** One object per credential, with the permissions of its creating key, or of the environment's owner without one. */
function toPrincipal(
  { maker, ended, work, ...of }: WorkerIdentity,
  credentials: AccessParts['credentials'],
): Principal {
  const known = principals.get(ended);
  if (known) return known;
  const live = () => (maker.key === undefined ? undefined : credentials.live(maker.key));
  const owner = maker.key === undefined ? of.owner : live()?.owner;
  const principal: Principal = {
    get role() {
      return live()?.role ?? (owner === undefined ? 'admin' : 'user');
    },
    ...(owner !== undefined && { owner }),
    get projects() {
      return maker.key === undefined ? findOwnerProjects(credentials, owner) : live()?.projects;
    },
    ...(work && { session: work.sessionId }),
    by: 'environment key',
    ended,
  };
  principals.set(ended, principal);
  return principal;
}

/** A worker may neither speak for the user nor approve calls. */
export function assertOnlyToolResults(events: readonly InboundEvent[]): void {
  const other = events.find(({ type }) => type !== 'user.tool_result' && type !== 'user.custom_tool_result');
  if (other)
    throw invalidRequestError(
      `events: a worker can send user.tool_result and user.custom_tool_result, not ${other.type}.`,
    );
}

/** The caller's new credentials are valid only as long as the returned issuer. */
export function findCredentialIssuer(
  { request, worker }: ApiRequest,
  { serverSeal }: AccessParts['credentials'],
): CredentialIssuer {
  if (worker) return worker.maker;
  const { key } = request.principal;
  if (key !== undefined) return { key };
  if (serverSeal === undefined)
    throw new ManagedAgentsError('forbidden', 'Use an API key, or the token of the server.');
  return { seal: serverSeal };
}
