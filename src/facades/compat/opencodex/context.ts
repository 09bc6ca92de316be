import { AppError } from '../../../core/errors/errors.ts';
import type { SessionEvent } from '../../../core/model/events.ts';
import { SessionId } from '../../../core/model/ids.ts';
import type { SessionRecord } from '../../../core/model/records.ts';
import { InvalidRequestError } from '../../../http/errors/error-style.ts';
import {
  createFailureDescriber,
  detailReply,
  invalidFieldsReply,
  otherFailureReply,
} from '../../../http/errors/failure-docs.ts';
import { createRouteDescriber } from '../../../http/routes/route-docs.ts';
import type { Project } from '../../../sessions/api/projects.ts';
import type { UploadedFile } from '../../../sessions/projects/uploads.ts';
import type { FacadeDeps, FacadeProjectDeps } from '../../shared/facade.ts';
import type { ClientPathContext } from './names.ts';

export interface OpencodexDeps
  extends FacadeProjectDeps,
    Pick<FacadeDeps, 'services' | 'idempotency' | 'sockets' | 'clock'> {
  /** `first`: the oldest public front end, which does not know `resuming_stream`. */
  readonly profile: 'current' | 'first';
}

const missing = (text: string) => new AppError('not_found', text);
const codes = (thrown: unknown) => (thrown instanceof AppError ? thrown.code : undefined);

export async function findChat({ services }: OpencodexDeps, sid: string): Promise<SessionRecord> {
  const id = SessionId.safeParse(sid);
  const record = id.success ? await services.sessions.get(id.data).catch(ignoreAnyNotFound) : undefined;
  if (!record) throw missing(`Chat session with id ${sid} not found`);
  return record;
}
export async function findProject({ services }: OpencodexDeps, id: string): Promise<Project> {
  const project = await services.projects.get(id).catch(ignoreAnyNotFound);
  if (!project) throw missing(`Project with id ${id} not found`);
  return project;
}
export async function findUploadedFile({ uploads }: OpencodexDeps, id: string): Promise<UploadedFile> {
  const file = await uploads.get(id).catch(ignoreAnyNotFound);
  if (!file) throw missing(`File ${id} not found`);
  return file;
}
export function ignoreAnyNotFound(thrown: unknown): undefined {
  if (!['not_found', 'session_not_found', 'file_not_found'].includes(codes(thrown) ?? '')) throw thrown;
}
export const actionNotFoundError = (id: string) => missing(`Agent action with id ${id} not found`);
export const blockNotFoundError = (id: string) => missing(`Block with id ${id} not found`);

/** Reports a sandbox that a user stopped as 404, not 503. */
export function rethrowStoppedAsNotFound(thrown: unknown): never {
  if (codes(thrown) === 'sandbox_not_found') throw missing('Sandbox not running. Start it first.');
  throw thrown;
}

export function createInvalidFieldError(place: 'body' | 'query', field: string, msg: string): InvalidRequestError {
  return new InvalidRequestError([{ type: 'value_error', loc: [place, field], msg }], `${field}: ${msg}`);
}

export async function readSessionEvents(deps: OpencodexDeps, { id }: SessionRecord): Promise<SessionEvent[]> {
  return await Array.fromAsync(deps.services.sessions.history(id));
}
export async function readClientPathContext(deps: OpencodexDeps, { id }: SessionRecord): Promise<ClientPathContext> {
  return { workdir: (await deps.services.sessions.sandbox(id)).workdir };
}

export const describeRoute = createRouteDescriber({
  tag: 'OpenCodex',
  prefix: 'opencodex',
  failures: createFailureDescriber({
    always: [400, 401, 403, 429, 500, 503],
    of: (status, text) => (status === 422 ? invalidFieldsReply('name') : detailReply(text)),
    other: otherFailureReply,
  }),
});
