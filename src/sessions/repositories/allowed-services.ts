import { isDeepStrictEqual } from 'node:util';
import { AppError } from '../../core/errors/errors.ts';
import type { SessionId } from '../../core/model/ids.ts';
import type { SandboxChoice, SessionRecord } from '../../core/model/records.ts';
import type { SessionRepository } from '../../core/model/repository.ts';
import { ServiceRecipes } from '../../core/model/services/recipe.ts';
import type { SandboxService } from '../api/sandboxes.ts';

export interface RepositoryServiceDeps {
  readonly servicesOf: (session: SessionRecord) => ServiceRecipes;
  /** Throws for services that the settings and the driver cannot run. */
  readonly checkSandbox: (choice: SandboxChoice, session: SessionRecord) => void;
  readonly power: Pick<SandboxService, 'status' | 'pause'>;
  readonly change: (id: SessionId, change: Pick<SessionRecord, 'sandbox'>) => Promise<unknown>;
}
interface AllowedServices {
  readonly record: SessionRecord;
  readonly repository: SessionRepository;
  /** Undefined: all services of the repository. */
  readonly names: readonly string[] | undefined;
}

/**
 * Adds services of a repository to the session, and stops a running sandbox. Rejects before any change: not_found, conflict, and
 * what `checkSandbox` throws.
 */
export async function allowRepositoryServices(
  { record, repository, names }: AllowedServices,
  { servicesOf, checkSandbox, power, change }: RepositoryServiceDeps,
  signal: AbortSignal,
): Promise<void> {
  const { path, environment } = repository;
  const requested = environment?.services ?? {};
  const unknown = names?.find((name) => !Object.hasOwn(requested, name));
  if (unknown !== undefined)
    throw new AppError('not_found', `.corral/corral.yaml of ${path} has no service ${unknown}.`);
  const chosen = Object.entries(requested).filter(([name]) => names?.includes(name) ?? true);
  if (chosen.length === 0)
    throw new AppError('conflict', `The repository ${path} defines no services. Add some to its .corral/corral.yaml.`);
  const before = servicesOf(record);
  const added = chosen.filter(
    ([name, recipe]) => !(Object.hasOwn(before, name) && isDeepStrictEqual(before[name], recipe)),
  );
  if (added.length === 0) return;
  const taken = added.find(([name]) => Object.hasOwn(before, name))?.[0];
  if (taken !== undefined)
    throw new AppError(
      'conflict',
      `The session already has a service ${taken}, so the one from ${path} cannot be added.`,
    );
  const { data: services, error } = ServiceRecipes.safeParse({ ...before, ...Object.fromEntries(added) });
  if (error) {
    const [issue] = error.issues;
    throw new AppError('conflict', `services: ${issue?.path.join('.') ?? ''} ${issue?.message}.`);
  }
  checkSandbox({ services }, record);
  const { condition, keeps } = await power.status(record.id);
  const isDown = ['new', 'stopped', 'lost'].includes(condition) || (condition === 'paused' && keeps === 'files');
  // Service names are set when a sandbox starts, so a running sandbox is stopped.
  if (!isDown) await power.pause(record.id, { keeps: 'files', signal });
  await change(record.id, { sandbox: { ...record.sandbox, services } });
}
