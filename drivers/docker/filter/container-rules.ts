import { join } from 'node:path';
import { z } from 'zod';
import { SandboxId } from '../../../src/core/model/ids.ts';
import { workspaceAlias } from '../../shared/home.ts';
import type { UserIdRange } from '../../shared/user-range.ts';
import { sandboxCpuShares, securityOptions } from '../create-body.ts';

export interface FilterScope {
  /** The only installation whose sandboxes the server can manage through the filter. */
  readonly instance: string;
  /** Contains one subfolder per sandbox. No host folder outside it can be mounted. */
  readonly root: string;
  readonly users: UserIdRange;
}

const never = z.literal(false).optional();
const mebibyte = 2 ** 20;
const scratch =
  /^(rw|nosuid|nodev|noexec|exec|size=\d+|mode=\d+|uid=\d+|gid=\d+)(,(rw|nosuid|nodev|noexec|exec|size=\d+|mode=\d+|uid=\d+|gid=\d+))*$/;
export const tmpfsOptionsRule = z
  .string()
  .regex(scratch)
  .refine((options) => options.includes('nosuid') && options.includes('nodev'));

export const isolationRules = {
  Privileged: never,
  CapDrop: z.tuple([z.literal('ALL')]),
  SecurityOpt: exactly(securityOptions),
  ReadonlyRootfs: z.literal(true),
  IpcMode: z.literal('private'),
  CgroupnsMode: z.literal('private'),
  Memory: z.int().min(4 * mebibyte),
  MemorySwap: z.int().min(4 * mebibyte),
  NanoCpus: z.int().min(1),
  CpuShares: z.literal(sandboxCpuShares),
  PidsLimit: z.int().min(1).max(32_768),
  ShmSize: z.int().min(1),
  Ulimits: z
    .array(
      z.strictObject({
        Name: z.enum(['nofile', 'core']),
        Soft: z.int().min(0),
        Hard: z.int().min(0).max(1_048_576),
      }),
    )
    .max(2),
  RestartPolicy: z.strictObject({ Name: z.literal('no') }),
  LogConfig: z.strictObject({
    Type: z.literal('local'),
    Config: z.record(z.enum(['max-size', 'max-file', 'compress']), z.string()),
  }),
  AutoRemove: never,
};
export const noSwapRule = {
  is: ({ Memory, MemorySwap }: { readonly Memory: number; readonly MemorySwap: number }) => Memory === MemorySwap,
  message: 'MemorySwap must equal Memory, so that there is no swap',
};
export const createProcessRules = ({ instance, users }: Pick<FilterScope, 'instance' | 'users'>) => ({
  Image: z.string().min(1),
  User: z
    .string()
    .regex(/^(\d+):\1$/)
    .refine((it) => includesUser(users, Number.parseInt(it, 10)), {
      message: `must be from ${users.first} to ${users.last} (--users)`,
    }),
  Env: z.array(z.string()),
  Labels: ownLabels(instance),
  AttachStdin: never,
  AttachStdout: never,
  AttachStderr: never,
  OpenStdin: never,
  Tty: never,
});

/** Accepts exactly the shape of `createSandboxBody` without `spec.volumes`. Refuses unknown keys. */
export function createContainerRules({ instance, root, users }: FilterScope, name: string): z.ZodType {
  const labels = ownLabels(instance);
  const bind = z.strictObject({
    Type: z.literal('bind'),
    Source: z.string(),
    Target: z.literal('/run/corral'),
    ReadOnly: z.literal(true),
    BindOptions: z.strictObject({ Propagation: z.literal('rprivate') }),
  });
  const volumeAt = (target: string, noCopy: z.ZodType) =>
    z.strictObject({
      Type: z.literal('volume'),
      Source: z.union([z.literal(name), z.string().regex(warmVolume(instance))]),
      Target: z.literal(target),
      VolumeOptions: z.strictObject({
        NoCopy: noCopy,
        Labels: labels,
        DriverConfig: z.strictObject({ Name: z.literal('local'), Options: z.strictObject({}) }),
      }),
    });
  const host = z
    .strictObject({
      ...isolationRules,
      NetworkMode: z.literal('none'),
      ExtraHosts: z.array(z.string().regex(/^[a-z][a-z0-9-]{0,30}:127\.0\.0\.1$/)).optional(),
      Tmpfs: z.partialRecord(z.enum(['/tmp', '/run', '/home/agent', '/mnt']), tmpfsOptionsRule),
      Mounts: z.tuple([bind, volumeAt('/workspace', never), volumeAt(workspaceAlias, z.literal(true))]),
      Runtime: z.enum(['runc', 'runsc']).optional(),
    })
    .refine(noSwapRule.is, { message: noSwapRule.message })
    .refine(({ Mounts: [, workspace, again] }) => workspace.Source === again.Source, {
      message: `the volume at ${workspaceAlias} must be the volume of the workspace`,
      path: ['Mounts', 2, 'Source'],
    });
  return z
    .strictObject({
      ...createProcessRules({ instance, users }),
      WorkingDir: z.literal('/workspace'),
      Hostname: z.string().max(63),
      HostConfig: host,
    })
    .refine(
      ({ User, HostConfig: { Tmpfs } }) => {
        const owners = Object.values(Tmpfs).flatMap((it) =>
          [...(it ?? '').matchAll(/[ug]id=(\d+)/g)].map(([, id]) => id),
        );
        return owners.every((id) => `${id}:${id}` === User);
      },
      { message: "a tmpfs must belong to the container's own user", path: ['HostConfig', 'Tmpfs'] },
    )
    .refine((it) => it.HostConfig.Mounts[0].Source === findMountedFolder(root, it.Labels), {
      message: `the socket folder must be the one in ${root} that the label ${sandboxLabel} identifies`,
      path: ['HostConfig', 'Mounts', 0, 'Source'],
    });
}

export const includesUser = ({ first, last }: UserIdRange, user: number) => user >= first && user <= last;

const sandboxLabel = 'corral.sandbox';

/** The only host folder that a container with these labels can mount. Undefined: the labels do not belong to a sandbox. */
export function findMountedFolder(
  root: string,
  labels: Readonly<Record<string, string>> | null | undefined,
): string | undefined {
  const id = SandboxId.safeParse(labels?.[sandboxLabel]).data;
  return id && join(root, id);
}

const warmVolume = (instance: string) => new RegExp(`^corral-${RegExp.escape(instance)}-warm-[0-9a-f]{16}$`);

export function createVolumeRules(instance: string): z.ZodType {
  return z.strictObject({
    Name: z.string().regex(new RegExp(`^corral-${RegExp.escape(instance)}-[0-9a-f]{16}$`)),
    Driver: z.literal('local'),
    Labels: ownLabels(instance),
  });
}

function exactly(requested: readonly string[]) {
  const isSame = (values: readonly string[]) =>
    values.length === requested.length && values.every((it, at) => it === requested[at]);
  return z.array(z.string()).refine(isSame, {
    message: 'must be no-new-privileges and the seccomp profile of this version of Corral',
  });
}

const ownLabels = (instance: string) =>
  z.record(z.string(), z.string()).refine((them) => them['corral.owner-instance'] === instance, {
    message: `the label corral.owner-instance must be ${instance}`,
  });
