import type { ServerDependencies } from '../../../core/contracts/server-parts.ts';
import { AppError, ignoreSessionNotFound } from '../../../core/errors/errors.ts';
import type { ResourceOwnership } from '../../../core/model/access/holder.ts';
import type { SessionFact } from '../../../core/model/events.ts';
import type { SessionId } from '../../../core/model/ids.ts';
import type { SandboxOptions, SessionRecord } from '../../../core/model/records.ts';
import { type RepositoryInput, toSessionRepository } from '../../../core/model/repository.ts';
import type { MountRequest } from '../../../core/model/sandboxes/volume.ts';
import type { CreateSessionCommand, EditMessageCommand, ForkSessionCommand } from '../../api/sessions.ts';
import type { Supervisor } from '../../engine/supervisor.ts';
import type { StoredCopy } from '../../forks/copies.ts';
import { findEditedMessage } from '../../forks/edited-message.ts';
import type { ForkCreator } from '../../forks/fork.ts';
import { createSessionRecord, type StoredSession, toPublicRecord } from '../../run/log/projection.ts';
import type { SessionVolumes } from '../../volumes/session-volumes.ts';

export interface CreationDeps extends Pick<ServerDependencies, 'clock' | 'ids' | 'log'> {
  readonly supervisor: Pick<Supervisor, 'wake'>;
  readonly checkModel?: (ref: string) => void | Promise<void>;
  /** Rejects: invalid_request (an unknown name), or the reason why the template cannot run here. */
  readonly templateFor: (named: string | undefined, projectId: string | null) => Promise<ResolvedTemplate>;
  readonly forks: Pick<ForkCreator, 'make' | 'makeBranch'>;
  /** Rejects: not_found for a skill that sessions of this holder cannot use. */
  readonly checkSkills?: (skills: readonly string[], holder: ResourceOwnership) => Promise<void>;
  /** Copies the files of a snapshot. Rejects: conflict (the snapshot is damaged). */
  readonly handFiles?: (from: { blob: string; sha256: string }, to: SessionId) => Promise<StoredCopy>;
  /** Each prepared workspace has the id of its future session. */
  readonly ready?: {
    take(
      session: Pick<SessionRecord, 'owner' | 'projectId' | 'template' | 'sandbox' | 'repositories'>,
    ): SessionId | undefined;
    giveUp(id: SessionId): void;
  };
  readonly volumes?: Pick<SessionVolumes, 'mount' | 'release' | 'checkMove'>;
  readonly checkRepository?: (url: string) => void;
  readonly admit?: () => void;
  /** Throws for options that the driver does not support or that exceed the limits. */
  readonly checkSandbox?: (choice: SandboxOptions, session: SessionTemplateChoice) => void;
  readonly checkAdoption?: (named: string) => Promise<void>;
}
export type SessionTemplateChoice = Pick<SessionRecord, 'template' | 'templateBy' | 'projectId'>;
export type ResolvedTemplate = Pick<SessionRecord, 'template' | 'templateBy'> & {
  readonly brings?: readonly RepositoryInput[] | undefined;
  readonly mounts?: readonly MountRequest[] | undefined;
};
interface CreatorDeps extends CreationDeps {
  readonly stored: (id: SessionId) => Promise<StoredSession>;
}

export function createSessionCreator(parts: CreatorDeps) {
  const { log, supervisor, clock, ids } = parts;

  async function fork(id: SessionId, command: ForkSessionCommand): Promise<SessionRecord> {
    if (command.child?.model !== undefined) await parts.checkModel?.(command.child.model);
    parts.admit?.();
    const created = await parts.forks.make(await parts.stored(id), command);
    supervisor.wake(created.id, 'start');
    return toPublicRecord(created);
  }

  async function branch(id: SessionId, { seq, origin, owner }: EditMessageCommand): Promise<SessionRecord> {
    const parent = await parts.stored(id);
    const message = await findEditedMessage(
      { log, known: (other) => parts.stored(other).catch(ignoreSessionNotFound) },
      parent,
      seq,
    );
    parts.admit?.();
    const created = await parts.forks.makeBranch(parent, { origin, ...(owner !== undefined && { owner }) }, message);
    supervisor.wake(created.id, 'start');
    return toPublicRecord(created);
  }

  async function create({
    origin,
    id: input,
    name,
    title = '',
    provisionalTitle,
    template: named,
    projectId = null,
    task = '',
    owner,
    model,
    fallbacks,
    toolServers,
    life,
    repositories,
    author,
    metadata,
    sandbox: choice,
    volumes,
    budget,
    skills,
    parent,
    sameAgent,
    lifetimeSeconds,
    agent,
    startsFrom,
  }: CreateSessionCommand): Promise<SessionRecord> {
    for (const ref of [model ?? [], fallbacks ?? []].flat()) await parts.checkModel?.(ref);
    // A child has the same isolation as its parent.
    const { brings, mounts, ...chosen }: ResolvedTemplate = sameAgent ?? (await parts.templateFor(named, projectId));
    // If the session starts from a snapshot, the snapshot's files occupy the folders of the template's repositories.
    const requested = repositories ?? (startsFrom ? undefined : brings);
    for (const { url } of requested ?? []) parts.checkRepository?.(url);
    if (choice) parts.checkSandbox?.(choice, { ...chosen, projectId });
    if (choice?.adopts !== undefined) await parts.checkAdoption?.(choice.adopts);
    const requests = volumes ?? choice?.volumes ?? ((choice?.adopts === undefined && mounts) || []);
    if (skills?.length) await parts.checkSkills?.(skills, { owner, projectId });
    parts.admit?.();
    const at = clock.now();
    const fetched = requested?.length ? requested.map(toSessionRepository) : undefined;
    const isPlain = !startsFrom && agent?.environment === undefined && requests.length === 0;
    const mayFindReady = fetched && input === undefined && isPlain;
    const ready = mayFindReady
      ? parts.ready?.take({ ...chosen, owner, projectId, sandbox: choice, repositories: fetched })
      : undefined;
    const id = input ?? ready ?? ids.sessionId();
    const files = startsFrom && { startsFrom: (await parts.handFiles?.(startsFrom, id)) ?? null };
    if (requests.length > 0 && !parts.volumes)
      throw new AppError('unsupported', 'volumes: this server has no volumes.');
    const mounted = requests.length > 0 ? await parts.volumes?.mount({ id, owner, projectId }, requests) : undefined;
    const sandbox = mounted ? { ...choice, volumes: mounted } : choice;
    const record = createSessionRecord({
      ...chosen,
      id,
      origin,
      title,
      name,
      projectId,
      lastTask: task,
      owner,
      model,
      fallbacks,
      toolServers,
      life,
      repositories: fetched,
      author,
      metadata,
      sandbox,
      budget,
      agent,
      skills: skills?.length ? skills : undefined,
      parent,
      endsAt: lifetimeSeconds === undefined ? undefined : at + lifetimeSeconds * 1_000,
      at,
    });
    const isMeant = title !== '' && !provisionalTitle;
    const facts: SessionFact[] = [
      { type: 'session.created', runId: null, data: { origin, template: chosen.template } },
    ];
    if (isMeant) facts.push({ type: 'title', runId: null, data: { title } });
    const strangers = [...(startsFrom ? ['files' as const] : []), ...(parent ? ['session' as const] : [])];
    const doc = {
      ...record,
      ...files,
      strangers,
      titleBy: isMeant ? ('client' as const) : null,
      lastSeq: facts.length,
    };
    const puts = [{ kind: 'session', id, doc, sort: at }];
    await log.append({ sessionId: id, after: 0, at, facts, puts }).catch(async (thrown: unknown) => {
      if (ready !== undefined) parts.ready?.giveUp(ready);
      // With an explicit id, the volumes may belong to an existing session.
      if (input === undefined) await parts.volumes?.release(id, mounted).catch(() => {}); // the clean-up job will retry this
      throw thrown;
    });
    supervisor.wake(id, agent?.environment === undefined ? 'start' : 'absent');
    return toPublicRecord(doc);
  }

  return { create, fork, branch };
}
