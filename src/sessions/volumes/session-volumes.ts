import type { MountedVolume } from '../../../drivers/driver.ts';
import { ServerComponent, type ServerDependencies } from '../../core/contracts/server-parts.ts';
import { AppError, ignoreNotFound } from '../../core/errors/errors.ts';
import type { ResourceOwnership } from '../../core/model/access/holder.ts';
import type { SessionId } from '../../core/model/ids.ts';
import type { SandboxOptions, SessionRecord } from '../../core/model/records.ts';
import {
  findMountPathProblem,
  findPathOverlap,
  type MountAccess,
  type MountRequest,
  maxMounts,
  toCopiedSandboxOptions,
  type Volume,
  type VolumeMount,
} from '../../core/model/sandboxes/volume.ts';
import { type VolumeRecords, writerConflictError } from './volume-records.ts';
import type { TransferSandboxPool } from './volume-transfers.ts';

interface Deps extends Pick<ServerDependencies, 'clock'> {
  readonly records: VolumeRecords;
  readonly transfers: Pick<TransferSandboxPool, 'endIdle'>;
  /** Why the driver cannot mount volumes. Undefined if the driver can mount them. */
  readonly refusal: string | undefined;
}
type MountingSession = ResourceOwnership & Pick<SessionRecord, 'id'>;

/** A session holds its volumes until its deletion. A held volume cannot be deleted, and has at most one writer. */
export class SessionVolumes extends ServerComponent<Deps> {
  /**
   * Mounts all volumes or none. Rejects: unsupported, invalid_request, not_found and, for write access, conflict
   * (another writer) and quota.
   */
  async mount(session: MountingSession, requests: readonly MountRequest[]): Promise<readonly VolumeMount[]> {
    this.#check(requests);
    const found: { readonly volume: Volume; readonly wish: MountRequest }[] = [];
    for (const requested of requests) {
      const volume = await this.deps.records.findFor(session, requested.volume);
      if (found.some((one) => one.volume.id === volume.id)) {
        throw bad(`volumes: ${requested.volume} is listed twice. A session can mount a volume only once.`);
      }
      found.push({ volume, wish: requested });
    }
    const taken: Volume[] = [];
    try {
      for (const { volume, wish: requested } of found) {
        await this.#take(volume, session.id, requested.access);
        taken.push(volume);
      }
    } catch (thrown) {
      for (const { id } of taken) await this.#leave(id, session.id).catch(() => {}); // the clean-up job will retry this
      throw thrown;
    }
    return found.map(({ volume, wish: { path, access } }) => ({ volume: volume.id, path, access }));
  }

  /** Volumes that the copy can use are mounted read-only in it; others are omitted. */
  async forCopy(session: MountingSession, choice: SandboxOptions | undefined): Promise<SandboxOptions | undefined> {
    if (!choice) return choice;
    const { volumes = [], ...rest } = toCopiedSandboxOptions(choice);
    const own = await Promise.all(
      volumes.map((mount) => this.deps.records.findFor(session, mount.volume).then(() => mount, ignoreNotFound)),
    );
    const mounts = await this.mount(
      session,
      own.filter((mount) => mount !== undefined),
    );
    return mounts.length > 0 ? { ...rest, volumes: mounts } : rest;
  }

  /** Rejects: conflict (a volume of the session belongs to a project other than `projectId`). */
  async checkMove({ sandbox }: Pick<SessionRecord, 'sandbox'>, projectId: string | null): Promise<void> {
    for (const { volume } of sandbox?.volumes ?? []) {
      const found = await this.deps.records.get(volume).catch(ignoreNotFound);
      if (!found?.projectId || found.projectId === projectId) continue;
      const text = `The session uses the volume ${found.name} of its project and cannot be moved without it.`;
      throw new AppError('conflict', `${text} Keep the session there, or move the volume once no session uses it.`);
    }
  }

  async release(id: SessionId, mounts: readonly VolumeMount[] | undefined): Promise<void> {
    for (const { volume } of mounts ?? []) await this.#leave(volume, id).catch(ignoreNotFound);
  }

  #check(requests: readonly MountRequest[]): void {
    if (requests.length === 0) return;
    const { refusal } = this.deps;
    if (refusal !== undefined)
      throw new AppError('unsupported', `volumes: sandboxes here do not support them: ${refusal}.`);
    if (requests.length > maxMounts) throw bad(`volumes: a session can mount at most ${maxMounts}.`);
    for (const { volume, path } of requests) {
      const problem = findMountPathProblem(path);
      if (problem !== undefined) throw bad(`volumes: the path of ${volume} ${problem}.`);
    }
    const overlap = findPathOverlap(requests.map(({ path }) => path));
    if (overlap) throw bad(`volumes: one of ${overlap.join(' and ')} would hide the other. Choose other paths.`);
  }

  async #take(volume: Volume, sessionId: SessionId, access: MountAccess): Promise<void> {
    const { records, transfers, clock } = this.deps;
    if (access === 'write') await transfers.endIdle(volume.id);
    await records.update(volume.id, async (now) => {
      const others = (await records.present(now.holders)).filter((holder) => holder.sessionId !== sessionId);
      if (access === 'write') {
        const writer = others.find((holder) => holder.access === 'write');
        if (writer) throw writerConflictError(now, writer);
        if (now.usedBytes > now.quotaBytes) {
          const text = `The volume ${now.name} uses ${now.usedBytes} of ${now.quotaBytes} bytes`;
          throw new AppError(
            'quota',
            `${text}, so it cannot be mounted for writing. Mount it for reading, remove files, or raise its quota.`,
          );
        }
      }
      const holders = [...others, { sessionId, access, at: clock.now() }];
      return { ...now, holders, isChanged: now.isChanged || access === 'write' };
    });
  }

  async #leave(volume: string, sessionId: SessionId): Promise<void> {
    await this.deps.records.update(volume, (now) => {
      const holders = now.holders.filter((holder) => holder.sessionId !== sessionId);
      return holders.length === now.holders.length ? now : { ...now, holders };
    });
  }
}

const bad = (message: string) => new AppError('invalid_request', message);

/** `access` is `read` if the session has lost write access. Rejects: sandbox_unavailable. */
export async function findMountedVolumes(
  records: Pick<VolumeRecords, 'get'>,
  { id, projectId, sandbox }: Pick<SessionRecord, 'id' | 'sandbox'> & ResourceOwnership,
): Promise<readonly MountedVolume[]> {
  return await Promise.all(
    (sandbox?.volumes ?? []).map(async ({ volume, path, access }): Promise<MountedVolume> => {
      const found = await records.get(volume).catch((cause) => {
        if (!(cause instanceof AppError && cause.code === 'not_found')) throw cause;
        throw new AppError('sandbox_unavailable', `The volume ${volume} at ${path} no longer exists.`, { cause });
      });
      if (found.projectId && found.projectId !== projectId)
        throw new AppError('sandbox_unavailable', `The volume ${volume} at ${path} is in another project.`);
      const writes = found.holders.some((holder) => holder.sessionId === id && holder.access === 'write');
      return { volume, path, access: writes ? access : 'read', quotaBytes: found.quotaBytes };
    }),
  );
}
