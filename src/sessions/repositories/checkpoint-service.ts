import { AppError } from '../../core/errors/errors.ts';
import type { SessionId } from '../../core/model/ids.ts';
import type { SessionRecord } from '../../core/model/records.ts';
import type { CheckpointService } from '../api/repositories.ts';
import type { SandboxAccess } from '../engine/sandbox/sandbox-access.ts';
import type { Checkpoints } from './checkpoints.ts';

interface Deps {
  readonly sandboxes: Pick<SandboxAccess, 'use'>;
  readonly known: (id: SessionId) => Promise<SessionRecord>;
  readonly checkpoints: Pick<Checkpoints, 'list' | 'diff' | 'restore'>;
}

export function createCheckpointService({ sandboxes, known, checkpoints }: Deps): CheckpointService {
  async function refuseUnknown(id: SessionId, numbers: readonly number[]): Promise<void> {
    await known(id);
    const all = new Set((await checkpoints.list(id)).map(({ number }) => number));
    const unknown = numbers.find((number) => !all.has(number));
    if (unknown !== undefined) throw new AppError('not_found', `The session has no checkpoint ${unknown}.`);
  }
  return {
    async list(id) {
      await known(id);
      return await checkpoints.list(id);
    },
    async diff(id, range, signal) {
      await refuseUnknown(id, [range.from, ...(range.to === undefined ? [] : [range.to])]);
      await using used = await sandboxes.use(id, signal);
      return await checkpoints.diff(id, range, used.client, signal);
    },
    async restore(id, number, signal) {
      await refuseUnknown(id, [number]);
      await using used = await sandboxes.use(id, signal);
      return { before: await checkpoints.restore(id, number, used.client, signal) };
    },
  };
}
