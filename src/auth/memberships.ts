import { combineSignals } from '../core/concurrency/cancel.ts';
import type { RecordStore } from '../core/contracts/ports.ts';
import { ProjectAccessRecord, toMemberKey } from '../core/model/access/project-member.ts';
import { type Principal, type ProjectRole, projectRoles } from '../core/model/principal.ts';
import { RecordMirror } from '../storage/mirror.ts';

interface Member {
  readonly principal: Principal;
  readonly keys: readonly string[];
  readonly roles: Map<string, ProjectRole>;
  readonly over: AbortController;
}

/** Roles are kept in memory, so no request waits for the store. */
export class Memberships {
  readonly #projects: RecordMirror<ProjectAccessRecord>;
  readonly #byMember = new Map<string, Map<string, ProjectRole>>();
  readonly #known = new Map<string, ProjectAccessRecord>();
  /** Maps a principal without project roles to the same principal with them. */
  readonly #members = new Map<Principal, Member>();

  constructor(records: RecordStore) {
    const onChange = (id: string) => this.#changed(id);
    this.#projects = new RecordMirror({ records, kind: 'project', schema: ProjectAccessRecord, onChange });
  }
  has = (id: string): boolean => this.#projects.get(id) !== undefined;
  load = (): Promise<void> => this.#projects.load();

  /** Adds the caller's project roles. Returns the same object until the caller loses rights. */
  within = (caller: Principal): Principal => {
    if (caller.owner === undefined || caller.projects) return caller;
    const known = this.#members.get(caller);
    if (known) return known.principal;
    const over = new AbortController();
    const { owner, person = owner, aliases = [] } = caller;
    const keys = [...new Set([owner, person, ...aliases])];
    const found = keys.flatMap((key) => [...(this.#byMember.get(key) ?? [])]).sort(([, a], [, b]) => rank(a) - rank(b));
    const roles = new Map(found);
    const ended = combineSignals([over.signal, ...(caller.ended ? [caller.ended] : [])]);
    const principal: Principal = { ...caller, projects: roles, ended };
    if (caller.ended?.aborted) return principal;
    this.#members.set(caller, { principal, keys, roles, over });
    caller.ended?.addEventListener('abort', () => this.#members.delete(caller), { once: true });
    return principal;
  };

  /** Call this after a change, so that it applies immediately on this server. */
  changed = (id: string): Promise<void> => this.#projects.read(id);

  #changed(id: string): void {
    const [before, now] = [this.#known.get(id), this.#projects.get(id)];
    for (const [key] of before ? rolesIn(before) : []) this.#byMember.get(key)?.delete(id);
    for (const [key, role] of now ? rolesIn(now) : []) {
      const roles = this.#byMember.get(key) ?? new Map<string, ProjectRole>();
      this.#byMember.set(key, roles.set(id, role));
    }
    if (now) this.#known.set(id, now);
    else this.#known.delete(id);
    const hasDeparted = before !== undefined && now !== undefined && now.departures > before.departures;
    for (const [caller, { keys, roles, over }] of this.#members) {
      const had = roles.get(id);
      const [role] = keys.flatMap((key) => this.#byMember.get(key)?.get(id) ?? []).sort((a, b) => rank(b) - rank(a));
      if (role) roles.set(id, role);
      else roles.delete(id);
      // A deleted project's sessions are deleted with it, which also ends their streams.
      if (!had || !now || !(hasDeparted || rank(role) < rank(had))) continue;
      this.#members.delete(caller);
      over.abort();
    }
  }
}

const rank = (role: ProjectRole | undefined): number => (role ? projectRoles.indexOf(role) : -1);

/** The owner's role overrides a member entry. */
function rolesIn({ owner, members }: ProjectAccessRecord): Map<string, ProjectRole> {
  const named = members.map((member) => [toMemberKey(member), member.role as ProjectRole] as const);
  const own = owner === undefined ? [] : [[owner, 'owner'] as const];
  return new Map([...named, ...own]);
}
