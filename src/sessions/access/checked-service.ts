import { AppError, toAppError } from '../../core/errors/errors.ts';
import type { Principal } from '../../core/model/principal.ts';
import type { AccessKind, MethodRule } from '../api/rules.ts';
import {
  authorize,
  type OwnedResource,
  ownerFilterOf,
  projectFilterOf,
  requireRole,
  sessionNotFoundError,
  toOwnerField,
  withDefaultProject,
} from './authorize.ts';

export interface ResourceGuard {
  readonly principalOf: () => Principal;
  readonly get: (id: never) => Promise<OwnedResource>;
  readonly noun?: string;
  /** Default: not_found with the noun, or session_not_found without one. */
  readonly gone?: () => AppError;
  /** The role required to list all owners' resources. Default: operator. */
  readonly listedBy?: 'operator' | 'admin';
  /** Rejects if the principal may not add resources to this project. */
  readonly intoProject?: (project: string) => Promise<void>;
}
type Method = (...args: readonly unknown[]) => unknown;
type NewResource = { readonly owner?: string; readonly projectId?: string | null };
type Rules<Service> = Readonly<Record<keyof Service, Pick<MethodRule, 'may'>>>;

const goneOf = ({ noun, gone }: ResourceGuard) =>
  gone ?? (noun === undefined ? sessionNotFoundError : () => notFoundError(noun));
export const notFoundError = (noun: string) => new AppError('not_found', `There is no such ${noun}.`);

/** Admins always pass, without a read from the store. */
export const createAccessCheck =
  <Id>(guarded: ResourceGuard) =>
  (id: Id, action: AccessKind): Promise<void> | undefined => {
    const principal = guarded.principalOf();
    if (principal.role === 'admin') return undefined;
    return guarded.get(id as never).then((thing) => authorize(principal, action, thing, goneOf(guarded)));
  };

export function withAccessChecks<Service extends object>(
  service: Service,
  rules: Rules<Service>,
  guarded: ResourceGuard,
): Service {
  const methods = service as Readonly<Record<string, Method>>;
  const wrap = ([name, { may }]: [string, Pick<MethodRule, 'may'>]): [string, Method][] =>
    may === 'guarded' ? [] : [[name, behind((...args) => methods[name]?.(...args), may, guarded)]];
  return Object.fromEntries(Object.entries<Pick<MethodRule, 'may'>>(rules).flatMap(wrap)) as Service;
}

function behind(method: Method, may: Exclude<MethodRule['may'], 'guarded'>, guarded: ResourceGuard): Method {
  const { principalOf, listedBy = 'operator', intoProject } = guarded;
  const check = createAccessCheck(guarded);
  if (may === 'any') return method;
  if (may === 'user' || may === 'admin') {
    return async (...args) => {
      requireRole(principalOf(), may);
      return await method(...args);
    };
  }
  if (may === 'create') {
    return async (requested, ...rest) => {
      const principal = principalOf();
      requireRole(principal, 'user');
      const { owner: _, ...named } = requested as NewResource;
      const own = intoProject ? withDefaultProject(principal, named) : named;
      if (own.projectId) await intoProject?.(own.projectId);
      return await method({ ...own, ...toOwnerField(principal) }, ...rest);
    };
  }
  if (may === 'list') {
    return async () => {
      const principal = principalOf();
      return await method(ownerFilterOf(principal, listedBy), projectFilterOf(principal, listedBy));
    };
  }
  if (may === 'find') {
    return async (idOrName) => {
      const principal = principalOf();
      const findsAll = ownerFilterOf(principal, listedBy) === undefined;
      const found = await ownFirst(
        principal,
        findsAll,
        async (owner) =>
          await method(idOrName, owner, owner === undefined ? [] : [...(principal.projects?.keys() ?? [])]),
      );
      authorize(principal, listedBy === 'admin' ? 'read' : 'see', found as OwnedResource, goneOf(guarded));
      return found;
    };
  }
  if (may === 'copy') {
    return async (id, requested, ...rest) => {
      const principal = principalOf();
      await check(id as never, 'work');
      return await method(id, { ...(requested as object), ...toOwnerField(principal) }, ...rest);
    };
  }
  return (id, ...rest) => {
    const checking = check(id as never, may);
    const work = () => method(id, ...rest);
    return checking ? checking.then(work) : work();
  };
}

/** Two owners can use the same name, so the caller's own resource takes precedence. */
async function ownFirst<Found>(
  { owner }: Principal,
  findsAll: boolean,
  look: (owner: string | undefined) => Promise<Found>,
): Promise<Found> {
  const first = owner ?? (findsAll ? undefined : '');
  return await look(first).catch((thrown: unknown) => {
    if (first === undefined || !findsAll || toAppError(thrown).code !== 'not_found') throw thrown;
    return look(undefined);
  });
}
