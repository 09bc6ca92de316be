import { createHash } from 'node:crypto';
import type Dockerode from 'dockerode';
import { AppError } from '../../src/core/errors/errors.ts';
import type { IdSource } from '../../src/core/model/ids.ts';
import type { UserIdRange } from '../shared/user-range.ts';
import { callEngine } from './engine.ts';
import { createInstanceFilter } from './labels.ts';

export const imageUserId = 10_001;
export const userLabel = 'corral.user';
/** Image label. `1`: the image's /workspace and programs work for any user. */
const anyUserLabel = 'corral.any-user';
const maxLooks = 64;

export interface UserIdAllocator {
  ofWorkspace(labels: Labels): number;
  /** Returns a user id that no live sandbox has, or `imageUserId` without a range. Rejects with sandbox_capacity. */
  choose(signal: AbortSignal): Promise<number>;
  /** Rejects with image_missing if the image does not support that user. */
  checkImage(user: number, image: string, signal: AbortSignal): Promise<void>;
  /**
   * Rejects with sandbox_unavailable if another live container has this user id. Never rejects for `imageUserId`. Two
   * concurrent starts can both fail.
   */
  checkAlone(user: number, container: string, signal: AbortSignal): Promise<void>;
}
type Labels = Readonly<Record<string, string>> | undefined;
interface Options {
  readonly engine: Dockerode;
  readonly instance: string;
  readonly ids: IdSource;
  readonly range: UserIdRange | undefined;
}

/** Gives sandboxes separate users, because kernel limits, such as the number of inotify instances, apply per user. */
export function openUserIdAllocator({ engine, instance, ids, range }: Options): UserIdAllocator {
  const labelled = (user: number) => ({ label: [createInstanceFilter(instance), `${userLabel}=${user}`] });

  async function living(user: number, signal: AbortSignal): Promise<readonly string[]> {
    const filters = { ...labelled(user), status: ['created', 'running', 'paused', 'restarting'] };
    const found = await callEngine(signal, () => engine.listContainers({ all: true, filters, abortSignal: signal }));
    return found.map(({ Id }) => Id);
  }

  async function hasFiles(user: number, signal: AbortSignal): Promise<boolean> {
    const options = { filters: labelled(user), abortSignal: signal } as object;
    const { Volumes } = await callEngine(signal, () => engine.listVolumes(options));
    return (Volumes ?? []).length > 0;
  }

  async function choose(signal: AbortSignal): Promise<number> {
    if (range === undefined) return imageUserId;
    const { first, last } = range;
    const count = last - first + 1;
    const start = createHash('sha256').update(ids.token()).digest().readUInt32LE() % count;
    let resting: number | undefined;
    for (let look = 0; look < Math.min(count, maxLooks); look += 1) {
      const user = first + ((start + look) % count);
      const [taken, kept] = await Promise.all([living(user, signal), hasFiles(user, signal)]);
      if (taken.length === 0 && !kept) return user;
      if (taken.length === 0) resting ??= user;
    }
    // Last resort: stopped sandboxes with this user id cannot start while the new sandbox runs.
    if (resting !== undefined) return resting;
    throw new AppError(
      'sandbox_capacity',
      `Every user id in ${first}-${last} is in use. End sandboxes, or widen CORRAL_DOCKER_USERS.`,
    );
  }

  async function checkImage(user: number, image: string, signal: AbortSignal): Promise<void> {
    if (user === imageUserId) return;
    const { Config } = await callEngine(signal, () => engine.getImage(image).inspect());
    if (Config?.Labels?.[anyUserLabel] === '1') return;
    throw new AppError(
      'image_missing',
      `The image ${image} does not support sandboxes with separate users: it has no label ${anyUserLabel}=1. Build ` +
        `it from this version's corral/sandbox, or set CORRAL_DOCKER_USERS=none to run all sandboxes as user ${imageUserId}.`,
    );
  }

  return {
    ofWorkspace: (labels) => Number(labels?.[userLabel] ?? imageUserId),
    choose,
    checkImage,

    async checkAlone(user, container, signal) {
      if (range === undefined || user === imageUserId) return;
      const others = (await living(user, signal)).filter((id) => id !== container);
      if (others.length === 0) return;
      throw new AppError(
        'sandbox_unavailable',
        `Another running sandbox also has user ${user}. Start this one again. If that does not help, widen CORRAL_DOCKER_USERS.`,
      );
    },
  };
}
