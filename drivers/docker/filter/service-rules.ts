import { z } from 'zod';
import { cpuShares, securityOptions } from '../create-body.ts';
import { exactly, type FilterScope, isIn, ownLabels, safeScratch } from './container-rules.ts';

const never = z.literal(false).optional();
const mebibyte = 2 ** 20;
const besidePrefix = 'container:';

/** Whether the name is one of a service of this installation. */
export function isServiceName(instance: string, name: string): boolean {
  const prefix = `corral-${instance}-`;
  return name.startsWith(prefix) && /^[0-9a-f]{16}-svc-[a-z][a-z0-9-]{0,30}$/.test(name.slice(prefix.length));
}

/**
 * The container of a service: exactly the shape that `serviceBody` makes. It mounts nothing of the host, and its network is
 * that of another container, which the filter checks to be a sandbox of this installation.
 */
export function serviceRules({ instance, users }: Pick<FilterScope, 'instance' | 'users'>): z.ZodType<ServiceBody> {
  const host = z
    .strictObject({
      Privileged: never,
      CapDrop: z.tuple([z.literal('ALL')]),
      SecurityOpt: exactly(securityOptions),
      ReadonlyRootfs: z.literal(true),
      NetworkMode: z.string().regex(/^container:[0-9a-f]{64}$/),
      IpcMode: z.literal('private'),
      CgroupnsMode: z.literal('private'),
      Memory: z.int().min(4 * mebibyte),
      MemorySwap: z.int().min(4 * mebibyte),
      NanoCpus: z.int().min(1),
      CpuShares: z.literal(cpuShares),
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
      Tmpfs: z.record(z.string().regex(/^(\/[\w.-]+)+$/), safeScratch),
      RestartPolicy: z.strictObject({ Name: z.literal('no') }),
      LogConfig: z.strictObject({
        Type: z.literal('local'),
        Config: z.record(z.enum(['max-size', 'max-file', 'compress']), z.string()),
      }),
      AutoRemove: never,
      Runtime: z.enum(['runc', 'crun', 'youki']).optional(),
    })
    .refine(({ Memory, MemorySwap }) => Memory === MemorySwap, { message: 'MemorySwap has to be Memory: no swap' });
  return z.strictObject({
    Image: z.string().min(1),
    User: z
      .string()
      .regex(/^(\d+):\1$/)
      .refine((it) => isIn(users, Number.parseInt(it, 10)), {
        message: `has to be one of ${users.first} to ${users.last} (--users)`,
      }),
    Cmd: z.array(z.string()).optional(),
    Env: z.array(z.string()),
    Labels: ownLabels(instance),
    Healthcheck: z.strictObject({
      Test: z.array(z.string()).min(1),
      Interval: z.int().min(0).optional(),
      Timeout: z.int().min(0).optional(),
      Retries: z.int().min(0).optional(),
      StartPeriod: z.int().min(0).optional(),
    }),
    AttachStdin: never,
    AttachStdout: never,
    AttachStderr: never,
    OpenStdin: never,
    Tty: never,
    HostConfig: host,
  });
}
interface ServiceBody {
  readonly HostConfig: { readonly NetworkMode: string };
}

/** The container whose network the service has. */
export const sandboxBeside = ({ HostConfig }: ServiceBody): string => HostConfig.NetworkMode.slice(besidePrefix.length);
