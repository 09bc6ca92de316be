import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import type { Clock } from '../../core/contracts/clock.ts';
import type { RecordStore } from '../../core/contracts/ports.ts';
import { AppError } from '../../core/errors/errors.ts';
import { toMemberKey } from '../../core/model/access/project-member.ts';
import type { IdSource } from '../../core/model/ids.ts';
import { type Principal, type Role, roles } from '../../core/model/principal.ts';
import { RecordMirror } from '../../storage/mirror.ts';
import type { ProviderIdentity } from './claims.ts';

const Person = z.object({
  /** Derived from issuer and subject, so two servers cannot create the same person twice. */
  id: z.string(),
  key: z.string(),
  /** Never derived from an e-mail address. */
  owner: z.string(),
  issuer: z.string(),
  subject: z.string(),
  name: z.string().nullable(),
  email: z.string().nullable(),
  isVerified: z.boolean().default(false),
  picture: z.string().nullable(),
  groups: z.array(z.string()),
  role: z.enum(roles).nullable(),
  disabled: z.boolean(),
  /** Suspends the person's API keys until the next sign-in or successful check. */
  hasLapsed: z.boolean().default(false),
  createdAt: z.number(),
  lastSeenAt: z.number(),
});
export type Person = z.infer<typeof Person>;

interface Deps {
  readonly records: RecordStore;
  readonly clock: Pick<Clock, 'now'>;
  readonly ids: Pick<IdSource, 'short'>;
  readonly issuers: ReadonlySet<string>;
}
export interface RevocablePrincipal {
  readonly principal: Principal;
  readonly over: AbortController;
}

const maxPeople = 10_000;

export const toPersonId = (issuer: string, subject: string): string =>
  createHash('sha256')
    .update(JSON.stringify([issuer, subject]))
    .digest('hex');

export class PersonRegistry {
  readonly #deps: Deps;
  readonly #people: RecordMirror<Person>;
  readonly #live = new Map<string, RevocablePrincipal>();
  readonly #ids = new Map<string, string>();
  onChange: (person: Person) => void = () => {};

  constructor(deps: Deps) {
    this.#deps = deps;
    const onChange = (id: string) => this.#settle(id);
    this.#people = new RecordMirror({ records: deps.records, kind: 'person', schema: Person, onChange });
  }

  load = (): Promise<void> => this.#people.load();
  live = (key: string): Principal | undefined => this.#live.get(key)?.principal;
  principals = (): Principal[] => [...this.#live.values()].map(({ principal }) => principal);
  list = (): Person[] => this.#people.all();
  byKey = (key: string | undefined): Person | undefined => this.#people.get(this.#ids.get(key ?? '') ?? '');
  byId = (id: string): Person | undefined => this.#people.get(id);

  /** Rejects with quota. */
  async meet(issuer: string, identity: ProviderIdentity, role: Role | null): Promise<Person> {
    const { clock, ids } = this.#deps;
    const id = toPersonId(issuer, identity.subject);
    const now = clock.now();
    const { subject, name, email, isVerified, picture, groups } = identity;
    const claims = { name, email, isVerified, picture, groups: [...groups], role, hasLapsed: false };
    const stored = await this.#people.change(id, (found) => {
      if (found) return { ...found, ...claims, lastSeenAt: now };
      if (this.#people.size >= maxPeople)
        throw new AppError('quota', `There are already ${maxPeople} people, the maximum.`);
      const key = ids.short();
      return { id, key, owner: key, issuer, subject, ...claims, disabled: false, createdAt: now, lastSeenAt: now };
    });
    if (!stored) throw personNotFoundError();
    return stored;
  }

  /** Rejects with not_found. */
  async change(key: string, fields: Partial<Pick<Person, 'disabled' | 'owner'>>): Promise<Person> {
    await this.load();
    const id = this.byKey(key)?.id;
    const changed = id && (await this.#people.change(id, (found) => found && { ...found, ...fields }));
    if (!changed) throw personNotFoundError();
    return changed;
  }

  async lapse(id: string): Promise<void> {
    await this.#people.change(id, (found) => found && { ...found, hasLapsed: true });
  }
  async seen(id: string, at: number): Promise<void> {
    await this.#people.change(id, (found) =>
      found && found.lastSeenAt < at ? { ...found, lastSeenAt: at } : undefined,
    );
  }

  actAs(key: string, id: string | undefined, before: RevocablePrincipal | undefined): RevocablePrincipal | undefined {
    const person = id === undefined ? undefined : this.#people.get(id);
    if (person && person.role !== null && !person.disabled && this.#deps.issuers.has(person.issuer)) {
      const { role, owner, issuer, email, isVerified } = person;
      const groups = person.groups.map((name) => toMemberKey({ of: 'group', id: name, issuer }));
      const aliases = [...groups, ...(email && isVerified ? [email.toLowerCase()] : [])].sort();
      const rights = { role, owner, aliases };
      if (before && isDeepStrictEqual(rights, rightsOf(before.principal))) return before;
      before?.over.abort();
      const over = new AbortController();
      return { principal: { ...rights, key, person: person.key, ended: over.signal }, over };
    }
    before?.over.abort();
    return undefined;
  }

  #settle(id: string): void {
    const person = this.#people.get(id);
    if (!person) return;
    this.#ids.set(person.key, id);
    const next = this.actAs(person.key, id, this.#live.get(person.key));
    if (next) this.#live.set(person.key, next);
    else this.#live.delete(person.key);
    this.onChange(person);
  }
}

const rightsOf = ({ role, owner, aliases }: Principal) => ({ role, owner, aliases });
export const personNotFoundError = () => new AppError('not_found', 'There is no such person.');
