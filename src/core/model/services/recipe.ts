import { z } from 'zod';

// Only the session's sandbox and its other services can reach a service.

export const maxServices = 8;
const reserved = new Set(['localhost', 'sandbox', 'ip6-localhost', 'ip6-loopback']);

export const ServiceName = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,30}$/, 'must be a name of at most 31 lower-case letters, digits and hyphens')
  .refine((name) => !reserved.has(name), 'is a name that the sandbox itself uses');
const Port = z.int().min(1).max(65_535);
const Words = z
  .array(
    z
      .string()
      .min(1)
      .max(16_384)
      .refine((word) => !word.includes('\0')),
  )
  .min(1)
  .max(100);
const Folder = z
  .string()
  .max(200)
  .regex(/^(\/[\w.-]+)+$/, 'must be an absolute path')
  .refine((path) => !path.split('/').some((part) => part === '..' || part === '.'), 'must be an absolute path')
  .refine((path) => !/^\/(proc|sys|dev|etc|bin|sbin|lib|lib64|usr)(\/|$)/.test(path) || /^\/usr\/local\/./.test(path), {
    message: 'is a system folder',
  });

/** Runs inside the service, which is ready when the command exits with 0. */
export const ServiceHealthcheck = z.strictObject({
  test: Words.describe('the program and its arguments'),
  intervalSeconds: z.number().min(1).max(300).default(2),
  timeoutSeconds: z.number().min(1).max(300).default(5),
  retries: z.int().min(1).max(100).default(10),
});

export const ServiceRecipe = z.strictObject({
  image: z.string().regex(/^[a-z0-9][\w.:@/-]{0,254}$/, 'must be the name of an image'),
  command: Words.optional().describe("in place of the image's own command"),
  env: z
    .record(
      z.string().regex(/^[A-Za-z_]\w{0,127}$/),
      z
        .string()
        .max(8_192)
        .refine((value) => !value.includes('\0')),
    )
    .refine((all) => Object.keys(all).length <= 100, 'has more than 100 names')
    .optional(),
  ports: z.array(Port).max(16).default([]).describe('where it listens; it is ready once it does'),
  healthcheck: ServiceHealthcheck.optional().describe('reports when it is ready, in place of its ports'),
  after: z.array(ServiceName).max(maxServices).optional().describe('services that have to be ready before it starts'),
  scratch: z.array(Folder).max(8).optional().describe('folders that it can write to, in memory'),
});
export type ServiceRecipe = z.infer<typeof ServiceRecipe>;

/**
 * All services share the sandbox's loopback interface, so no two can use the same port.
 *
 * @example
 * ServiceRecipes.parse({ redis: { image: 'redis:7', ports: [6379] } });
 */
export const ServiceRecipes = z.record(ServiceName, ServiceRecipe).superRefine((all, { addIssue }) => {
  const names = Object.keys(all);
  const refuse = (name: string, message: string) => addIssue({ code: 'custom', path: [name], message });
  if (names.length > maxServices) {
    addIssue({ code: 'custom', message: `has ${names.length} services; the maximum is ${maxServices}` });
  }
  const owners = new Map<number, string>();
  for (const [name, { ports, after = [] }] of Object.entries(all)) {
    for (const port of ports) {
      const other = owners.get(port);
      if (other !== undefined) {
        refuse(name, other === name ? `port ${port} is declared twice` : `port ${port} is also the port of ${other}`);
      }
      owners.set(port, name);
    }
    for (const other of after) {
      if (!names.includes(other)) refuse(name, `depends on ${other}, which does not exist`);
    }
  }
  const circle = circleIn(all);
  if (circle) refuse(circle, 'depends on itself through other services');
});
export type ServiceRecipes = z.infer<typeof ServiceRecipes>;

function circleIn(all: Readonly<Record<string, Pick<ServiceRecipe, 'after'>>>): string | undefined {
  const done = new Set<string>();
  const visit = (name: string, path: readonly string[]): string | undefined => {
    if (path.includes(name)) return name;
    if (done.has(name)) return undefined;
    for (const other of all[name]?.after ?? []) {
      const found = visit(other, [...path, name]);
      if (found !== undefined) return found;
    }
    done.add(name);
    return undefined;
  };
  for (const name of Object.keys(all)) {
    const found = visit(name, []);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** `running`: not ready yet. `unhealthy`: the health check is failing. */
export const ServiceState = z.enum(['absent', 'running', 'paused', 'ready', 'unhealthy', 'exited']);
export const ServiceStatus = z.object({
  name: z.string(),
  image: z.string(),
  ports: z.array(z.int()).readonly(),
  state: ServiceState,
  exitCode: z.int().optional(),
});
export type ServiceStatus = z.infer<typeof ServiceStatus>;
