import { z } from 'zod';
import { ResourceOwnership } from '../access/holder.ts';
import { SessionId, VolumeId } from '../ids.ts';

// The content stays on this installation, so exports of sessions omit these records.
export const volumeKind = 'volume';

/** An owner's name for a volume. It cannot have the form of a volume id. */
export const VolumeName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, 'must be a name such as build-cache: letters, digits, ".", "_" and "-"')
  .refine((name) => !VolumeId.safeParse(name).success, 'must not look like the id of a volume');

export const MountAccess = z.enum(['read', 'write']);
export type MountAccess = z.infer<typeof MountAccess>;

export const VolumeMount = z.object({ volume: VolumeId, path: z.string(), access: MountAccess });
export type VolumeMount = z.infer<typeof VolumeMount>;

export const MountRequest = z.strictObject({
  volume: z.string().min(1).max(100).describe('its id or name'),
  path: z
    .string()
    .min(1)
    .max(400)
    .describe('in the sandbox: below /mnt, or at or below /data, /srv, /media or /volumes'),
  access: MountAccess.default('read').describe('a volume has one session that writes; others read'),
});
export type MountRequest = z.infer<typeof MountRequest>;
export const maxMounts = 8;
export const MountRequests = z.array(MountRequest).max(maxMounts);

export const VolumeAttachment = z.object({
  /** The holder's session id. A transfer uses an id of its own. */
  sessionId: SessionId,
  access: MountAccess,
  at: z.number(),
  /** When a transfer's hold on the volume expires, in epoch ms. Absent for sessions. */
  until: z.number().optional(),
});
export type VolumeAttachment = z.infer<typeof VolumeAttachment>;

/** One session at a time can write; several can read. */
export const Volume = z.object({
  id: VolumeId,
  name: z.string(),
  ...ResourceOwnership.shape,
  quotaBytes: z.int(),
  usedBytes: z.int(),
  /** Whether a session has had the volume mounted for writing since the last measurement. */
  isChanged: z.boolean(),
  at: z.number(),
  holders: z.array(VolumeAttachment).readonly(),
  /** Time of deletion, in epoch ms. The volume stays hidden until a cleanup removes it. */
  removing: z.number().optional(),
});
export type Volume = z.infer<typeof Volume>;

const roots: readonly string[] = ['mnt', 'data', 'srv', 'media', 'volumes'];
const maxParts = 6;
/** Clients of other APIs expect these paths, which link into the workspace. */
const reserved: readonly string[] = ['/mnt/session', '/mnt/memory'];

export function findMountPathProblem(path: string): string | undefined {
  const [empty, root = '', ...below] = path.split('/');
  const parts = [root, ...below];
  if (
    empty !== '' ||
    parts.length > maxParts ||
    !parts.every((part) => /^[A-Za-z0-9_][A-Za-z0-9._-]{0,62}$/.test(part))
  ) {
    return `must be an absolute path such as /mnt/cache, of at most ${maxParts} plain names`;
  }
  if (!roots.includes(root) || (root === 'mnt' && below.length === 0)) {
    return 'must be below /mnt, or at or below /data, /srv, /media or /volumes; no other folder of a sandbox is replaced';
  }
  const taken = reserved.find((one) => path === one || path.startsWith(`${one}/`));
  return taken && `must not be ${taken}, which is Corral's own`;
}

export function findPathOverlap(paths: readonly string[]): readonly [string, string] | undefined {
  for (const [at, one] of paths.entries()) {
    const other = paths.slice(at + 1).find((it) => it === one || it.startsWith(`${one}/`) || one.startsWith(`${it}/`));
    if (other !== undefined) return [one, other];
  }
  return undefined;
}

interface HeldBySession {
  readonly volumes?: readonly VolumeMount[] | undefined;
  readonly adopts?: string | undefined;
}
export function toCopiedSandboxOptions<Choice extends HeldBySession>({ adopts: _, ...choice }: Choice) {
  if (!choice.volumes) return choice;
  return { ...choice, volumes: choice.volumes.map((mount) => ({ ...mount, access: 'read' as const })) };
}
