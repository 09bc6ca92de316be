import { z } from 'zod';
import { type FilterScope, noSwap, processRules, safeScratch, wallRules } from './container-rules.ts';

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
      ...wallRules,
      NetworkMode: z.string().regex(/^container:[0-9a-f]{64}$/),
      Tmpfs: z.record(z.string().regex(/^(\/[\w.-]+)+$/), safeScratch),
      Runtime: z.enum(['runc', 'crun', 'youki']).optional(),
    })
    .refine(noSwap.is, { message: noSwap.message });
  return z.strictObject({
    ...processRules({ instance, users }),
    Cmd: z.array(z.string()).optional(),
    Healthcheck: z.strictObject({
      Test: z.array(z.string()).min(1),
      Interval: z.int().min(0).optional(),
      Timeout: z.int().min(0).optional(),
      Retries: z.int().min(0).optional(),
      StartPeriod: z.int().min(0).optional(),
    }),
    HostConfig: host,
  });
}
interface ServiceBody {
  readonly HostConfig: { readonly NetworkMode: string };
}

/** The container whose network the service has. */
export const sandboxBeside = ({ HostConfig }: ServiceBody): string => HostConfig.NetworkMode.slice(besidePrefix.length);
