import { z } from 'zod';
import { byteSizeValue } from '../config/kinds.ts';
import { VolumeId } from '../core/model/ids.ts';
import { MountAccess, type Volume as Stored, VolumeName } from '../core/model/sandboxes/volume.ts';
import type { VolumeService } from '../sessions/api/server/volumes.ts';
import { defineOperations, router } from './procedure/procedure.ts';
import {
  awaitOkResult,
  OkResult,
  OwningProjectInput,
  okOperationFields,
  okResult,
  toIsoTime,
} from './procedure/schemas.ts';

const quota = byteSizeValue(2 ** 20).kind.describe('its maximum size: bytes, or a size such as 512MiB');
export const VolumePath = z.string().max(4_096).describe('in the volume');

export const Volume = z.object({
  id: z.string(),
  name: z.string(),
  projectId: z.string().nullable(),
  createdAt: z.iso.datetime(),
  quotaBytes: z.int(),
  usedBytes: z.int().describe('as last measured; writing or restoring content here measures it again'),
  changedSince: z.boolean().describe('a session has mounted it for writing since then'),
  mounts: z
    .array(z.object({ sessionId: z.string(), access: MountAccess, since: z.iso.datetime() }))
    .describe('the sessions that mount it, until they are deleted'),
});
const VolumeEntry = z.object({
  name: z.string(),
  type: z.enum(['file', 'directory', 'other']),
  size: z.int().nullable(),
  modified: z.string(),
});

export const toVolumeView = ({
  id,
  name,
  projectId = null,
  at,
  quotaBytes,
  usedBytes,
  isChanged,
  holders,
}: Stored): z.input<typeof Volume> => ({
  id,
  name,
  projectId,
  createdAt: toIsoTime(at),
  quotaBytes,
  usedBytes,
  changedSince: isChanged,
  mounts: holders
    .filter(({ until }) => until === undefined)
    .map(({ sessionId, access, at: since }) => ({ sessionId, access, since: toIsoTime(since) })),
});

export const volumeExample: z.output<typeof Volume> = {
  id: 'vol-0123456789abcdef',
  name: 'build-cache',
  projectId: null,
  createdAt: '2026-11-24T12:00:00.000Z',
  quotaBytes: 1_073_741_824,
  usedBytes: 12_345,
  changedSince: false,
  mounts: [{ sessionId: '0123456789abcdef', access: 'read', since: '2026-11-24T12:05:00.000Z' }],
};

/** Returns an id unchecked. Rejects with not_found (no volume has the name) or conflict (several projects use it). */
export const resolveVolumeId = async (volumes: Pick<VolumeService, 'find'>, idOrName: string): Promise<string> =>
  VolumeId.safeParse(idOrName).data ?? (await volumes.find(idOrName)).id;

export const volumeOperationGroup = { tag: 'Volumes', prefix: 'volumes' } as const;
export const volumeConflictNote = 'Refused with 409 while a session has the volume for writing.';
export const volumeTarget = z.strictObject({ volume: z.string().max(100).describe('the id or name of a volume') });
const operation = defineOperations({
  ...volumeOperationGroup,
  command: {
    name: 'volume',
    about: 'keeps files beyond sessions: volumes that sessions mount, and their content',
    args: [
      ['[volume]', 'the name of a new volume, or the id or name of an existing one'],
      [
        '[path]',
        'with files, get, put and rm: a path in it; with backup and restore: a local archive (- is standard output or input)',
      ],
      ['[file]', 'with get and put: a local file; - is standard output or input'],
    ],
    examples: [
      'corral volume create build-cache --quota 2GiB',
      'corral run --volume build-cache:/mnt/cache:write "Build the project; the cache is in /mnt/cache"',
      'corral volume files build-cache',
      'corral volume put build-cache models/small.bin small.bin',
      'corral volume backup build-cache cache.tar.gz',
      'corral volume restore build-cache cache.tar.gz',
    ],
    columns: ['{id}', '{name}', '[{usedBytes} of ]{quotaBytes} bytes', 'in {mounts.sessionId}'],
  },
});
const base = '/api/v1/volumes';
const path = `${base}/:volume` as const;
const answered = { out: Volume, answer: volumeExample };

export const volumesRouter = router({
  list: operation({
    rest: `GET ${base}`,
    summary: 'List your volumes, by name',
    verb: { name: 'ls' },
    may: 'any',
    out: z.array(Volume),
    answer: [volumeExample],
  }).query(async ({ ctx }) => (await ctx.services.volumes.list()).map(toVolumeView)),
  get: operation({
    ...answered,
    rest: `GET ${path}`,
    summary: 'One volume, and the sessions that have it',
    verb: { name: 'show' },
    may: 'see',
    in: volumeTarget,
  }).query(async ({ ctx: { services }, input }) =>
    toVolumeView(await services.volumes.get(await resolveVolumeId(services.volumes, input.volume))),
  ),
  create: operation({
    ...answered,
    rest: `POST ${base}`,
    summary: 'Create an empty volume',
    verb: { name: 'create', words: ['name'] },
    may: 'create',
    in: z.strictObject({
      name: VolumeName.describe('free among the volumes of its owner or project'),
      quota: quota.optional(),
      projectId: OwningProjectInput,
    }),
    example: { name: 'build-cache', quota: '2GiB' },
    fails: [400, 403, 404, 409, 501, 503],
  }).mutation(async ({ ctx, input: { quota, ...input } }) =>
    toVolumeView(await ctx.services.volumes.create({ ...input, quotaBytes: quota, signal: ctx.signal })),
  ),
  update: operation({
    ...answered,
    rest: `PATCH ${path}`,
    id: 'Change',
    summary: 'Change the name or quota of a volume',
    verb: { name: 'set' },
    description: 'Running sandboxes keep the quota that they started with.',
    may: 'work',
    in: volumeTarget.extend({ name: VolumeName.optional().describe('a new name'), quota: quota.optional() }),
    example: { quota: '4GiB' },
    fails: [400, 403, 404, 409, 503],
  }).mutation(async ({ ctx: { services }, input: { volume, name, quota } }) => {
    const id = await resolveVolumeId(services.volumes, volume);
    return toVolumeView(await services.volumes.change(id, { name, quotaBytes: quota }));
  }),
  delete: operation({
    rest: `DELETE ${path}`,
    summary: 'Delete a volume with its content',
    verb: { name: 'delete', columns: ['{id}'] },
    description: 'A volume that a session mounts is not deleted: the 409 error names the session.',
    may: 'stop',
    in: volumeTarget,
    out: OkResult.extend({ id: z.string() }),
    answer: { ...okResult, id: volumeExample.id },
    reply: { schema: z.object({ id: z.string() }), value: ({ id }) => ({ id }) },
    fails: [403, 404, 409],
  }).mutation(async ({ ctx: { services, signal }, input }) => {
    const id = await resolveVolumeId(services.volumes, input.volume);
    await services.volumes.remove(id, signal);
    return { ...okResult, id };
  }),
  files: operation({
    rest: `GET ${path}/files`,
    summary: 'List a folder of the volume',
    verb: { name: 'files', words: ['volume', 'path'], columns: ['{size} | -', '{modified}', '{type}', '{name}'] },
    description:
      'A sandbox with only this volume transfers the content, so the first call takes as long as a sandbox start.',
    may: 'read',
    in: volumeTarget.extend({ path: VolumePath.default('.').describe('a folder of the volume; default: its root') }),
    out: z.array(VolumeEntry),
    answer: [{ name: 'model.bin', type: 'file', size: 12_345, modified: '2026-11-24T12:00:00.000Z' }],
    fails: [400, 404, 413, 503],
  }).query(async ({ ctx: { services, signal }, input: { volume, path } }) =>
    (await services.volumes.listFiles(await resolveVolumeId(services.volumes, volume), path, signal)).map((one) => ({
      ...one,
    })),
  ),
  removeFile: operation({
    rest: `DELETE ${path}/file`,
    summary: 'Remove a file, or a folder with its content',
    verb: { name: 'rm', words: ['volume', 'path'] },
    description: volumeConflictNote,
    may: 'work',
    in: volumeTarget.extend({ path: VolumePath.min(1) }),
    ...okOperationFields,
    example: { path: 'old.bin' },
    reply: { schema: z.object({ path: z.string() }), value: (_, { path }) => ({ path }) },
    fails: [400, 404, 409, 503],
  }).mutation(async ({ ctx: { services, signal }, input: { volume, path } }) =>
    awaitOkResult(services.volumes.removeFile(await resolveVolumeId(services.volumes, volume), path, signal)),
  ),
});
