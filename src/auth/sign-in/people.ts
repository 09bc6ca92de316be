import { createHash } from 'node:crypto';
import { z } from 'zod';
import { ChangedRecords } from '../../core/contracts/changed-records.ts';
import type { Clock } from '../../core/contracts/clock.ts';
import type { RecordStore } from '../../core/contracts/ports.ts';
import { SealedValue } from '../../core/contracts/vault.ts';
import { AppError } from '../../core/errors/errors.ts';
import type { IdSource } from '../../core/model/ids.ts';
import { type Principal, type Role, roles } from '../../core/model/principal.ts';
import { changeRecord } from '../../storage/collection.ts';
import type { KeyAdmin, KeyRing } from '../api-keys.ts';
import type { Peppers } from '../pepper.ts';
import type { Identity } from './claims.ts';

// The people who signed in, and their devices: the browsers and commands in which they are signed in. Like API keys, all
// are in memory, and each server follows what the others change.

const Person = z.object({
  /** The hash of issuer and subject, so that two servers never create one person twice. */
  id: z.string(),
  /** Names the person to others. */
  key: z.string(),
  /** The owner of what the person creates. It never follows from an e-mail address. */
  owner: z.string(),
  issuer: z.string(),
  subject: z.string(),
  name: z.string().nullable(),
  email: z.string().nullable(),
  picture: z.string().nullable(),
  groups: z.array(z.string()),
  /** Null: the provider's groups no longer give a role. */
  role: z.enum(roles).nullable(),
  disabled: z.boolean(),
  createdAt: z.number(),
  lastSeenAt: z.number(),
});
export type Person = z.infer<typeof Person>;

const Hash = z.object({ pepper: z.string(), hash: z.string() });
const Device = z.object({
  id: z.string(),
  person: z.string(),
  kind: z.enum(['browser', 'command']),
  /** The browser in which the person allowed this command; the command's access ends with the browser's. */
  parent: z.string().nullable().default(null),
  secret: Hash,
  /** The secret before the last rotation, until the new one is used. */
  before: Hash.nullable(),
  rotatedAt: z.number(),
  /** The program, as it describes itself. */
  agent: z.string(),
  /** The id of the provider's session. */
  sid: z.string().nullable(),
  /** The provider's tokens, until the device ends. */
  tokens: SealedValue.nullable(),
  /** The provider gave a refresh token, with which the server asks about the person. */
  refreshes: z.boolean(),
  createdAt: z.number(),
  lastSeenAt: z.number(),
  /** When the provider last confirmed the person. */
  checkedAt: z.number(),
  /** A server asks the provider until then, and no other one does. */
  claimedUntil: z.number(),
  endedAt: z.number().nullable(),
});
export type Device = z.infer<typeof Device>;

export interface DeviceLimits {
  /** A device ends this long after the sign-in. */
  readonly absoluteMs: number;
  /** A device ends this long after its last use. */
  readonly idleMs: number;
  /** A device ends this long after the provider last confirmed the person, as while the provider is away. */
  readonly uncheckedMs: number;
}
interface Deps {
  readonly records: RecordStore;
  readonly peppers: Peppers;
  readonly clock: Clock;
  readonly ids: Pick<IdSource, 'short' | 'token'>;
  /** Other servers change the same records. */
  readonly shared: boolean;
  /** The providers in use. People of any other one have no access. */
  readonly issuers: ReadonlySet<string>;
  readonly limits: DeviceLimits;
  readonly warn: (about: object, text: string) => void;
}
interface Live {
  readonly principal: Principal;
  readonly over: AbortController;
}
interface LiveDevice extends Live {
  readonly use: DeviceUse;
}
/** The use of a device at this server. */
interface DeviceUse {
  open: number;
  at: number;
}
export interface NewDevice {
  readonly kind: Device['kind'];
  readonly agent: string;
  /** The browser of a command. */
  readonly parent?: string | null;
  readonly sid: string | null;
  readonly refreshes: boolean;
  readonly seal: (id: string) => SealedValue | null;
}

const form = /^crlp_([0-9a-f]{12})_[\w-]{43}$/;
const lookEveryMs = 2_000;
const storeUseEveryMs = 60_000;
const rotateEveryMs = 12 * 3_600_000;
const overlapMs = 60_000; // requests that were under way with the secret before
const keepEndedMs = 24 * 3_600_000;
const maxPeople = 10_000;
const maxDevicesEach = 50;

export const personIdOf = (issuer: string, subject: string): string =>
  createHash('sha256')
    .update(JSON.stringify([issuer, subject]))
    .digest('hex');

/** The records of a kind in memory. `onChange` gets the id of each that this or another server changed. */
class Mirror<Doc extends { readonly id: string; readonly createdAt: number }> {
  readonly #of: { records: RecordStore; kind: string; schema: z.ZodType<Doc>; onChange: (id: string) => void };
  readonly #news: ChangedRecords;
  readonly #all = new Map<string, { readonly doc: Doc; readonly version: number }>();

  constructor(of: { records: RecordStore; kind: string; schema: z.ZodType<Doc>; onChange: (id: string) => void }) {
    this.#of = of;
    this.#news = new ChangedRecords(of.records, of.kind);
  }

  get size(): number {
    return this.#all.size;
  }
  get = (id: string): Doc | undefined => this.#all.get(id)?.doc;
  all = (): Doc[] => [...this.#all.values()].map(({ doc }) => doc);

  async load(): Promise<void> {
    const { changed, gone } = await this.#news.next();
    for (const { doc, version } of changed) this.#keep(this.#of.schema.parse(doc), version);
    for (const id of gone) if (this.#all.delete(id)) this.#of.onChange(id);
  }
  /** Resolves with the stored document, also when `change` left it as it is. */
  async change(id: string, change: (now: Doc | undefined) => Doc | undefined): Promise<Doc | undefined> {
    const { records, kind, schema } = this.#of;
    const changed = await changeRecord<Doc>(records, { kind, id }, (found) => {
      const doc = change(found && schema.parse(found.doc));
      return doc && { doc, sort: doc.createdAt };
    });
    if (changed) this.#keep(changed.doc, changed.version);
    return this.get(id);
  }
  async delete(id: string): Promise<void> {
    await this.#of.records.delete(this.#of.kind, id);
    this.#all.delete(id);
    this.#of.onChange(id);
  }
  #keep(doc: Doc, version: number): void {
    if ((this.#all.get(doc.id)?.version ?? 0) >= version) return;
    this.#all.set(doc.id, { doc, version });
    this.#of.onChange(doc.id);
  }
}

export class People implements Disposable {
  readonly #deps: Deps;
  readonly #people: Mirror<Person>;
  readonly #devices: Mirror<Device>;
  /** The people who have access, by their key, and the devices, by their id. */
  readonly #livePeople = new Map<string, Live>();
  readonly #liveDevices = new Map<string, LiveDevice>();
  readonly #settled = new Map<string, number>();
  #timer: unknown;
  #isOver = false;
  #loading: Promise<void> | undefined;

  constructor(deps: Deps) {
    this.#deps = deps;
    const { records } = deps;
    this.#people = new Mirror({ records, kind: 'person', schema: Person, onChange: (id) => this.#settlePerson(id) });
    this.#devices = new Mirror({ records, kind: 'device', schema: Device, onChange: (id) => this.#settle(id) });
  }

  async open(): Promise<this> {
    await this.load();
    this.#lookLater();
    return this;
  }
  [Symbol.dispose](): void {
    this.#isOver = true;
    this.#deps.clock.clearTimeout(this.#timer);
  }

  /** Reads what other servers changed. Calls at the same time share one reading. */
  async load(): Promise<void> {
    this.#loading ??= (async () => {
      await this.#people.load();
      await this.#devices.load();
    })().finally(() => {
      this.#loading = undefined;
    });
    await this.#loading;
  }

  /** The principal of a device's secret. A browser shows it in a cookie alone, and a command never does. */
  find(presented: readonly string[], kind: Device['kind']): Principal | undefined {
    for (const text of presented) {
      const id = form.exec(text)?.[1] ?? '';
      const device = this.#devices.get(id);
      const { peppers, clock } = this.#deps;
      const isNew = peppers.matches(text, device?.secret ?? nothing);
      const isOld = peppers.matches(text, device?.before ?? nothing);
      if (device?.kind !== kind || !(isNew || isOld)) continue;
      const live = this.#isLive(device) ? this.#liveDevices.get(id) : undefined;
      if (!live) continue;
      if (isNew && device.before) this.#settled.set(id, this.#settled.get(id) ?? clock.now());
      if (isOld && clock.now() - (this.#settled.get(id) ?? clock.now()) > overlapMs) continue;
      this.#used(id);
      return live.principal;
    }
    return undefined;
  }
  /** Whether the secret has the form of one whose device this server has not read yet. */
  mayBeNew = (text: string): boolean => {
    const id = form.exec(text)?.[1];
    return this.#deps.shared && id !== undefined && this.#devices.get(id) === undefined;
  };
  /** The principal of a device or of a person. */
  live = (key: string): Principal | undefined => (this.#liveDevices.get(key) ?? this.#livePeople.get(key))?.principal;
  principals = (): Principal[] =>
    [...this.#livePeople.values(), ...this.#liveDevices.values()].map((it) => it.principal);

  list = (): Person[] => this.#people.all();
  byKey = (key: string | undefined): Person | undefined =>
    key === undefined ? undefined : this.#people.all().find((person) => person.key === key);
  byId = (id: string): Person | undefined => this.#people.get(id);
  device = (id: string): Device | undefined => this.#devices.get(id);
  /** The devices in which people are signed in now. */
  devices = (): Device[] => this.#devices.all().filter((device) => this.#liveDevices.has(device.id));
  all = (person: string): Device[] => this.#devices.all().filter((device) => device.person === person);
  /** When the device was last used at this server, or is in use: now. */
  usedAt(id: string): number {
    const use = this.#liveDevices.get(id)?.use;
    return use === undefined ? 0 : use.open > 0 ? this.#deps.clock.now() : use.at;
  }
  #used(id: string): void {
    const live = this.#liveDevices.get(id);
    if (live) live.use.at = this.#deps.clock.now();
    const parent = this.#devices.get(id)?.parent ?? null;
    if (parent !== null) this.#used(parent); // a person who works with a command is at work
  }
  /** Marks the device as in use until the returned function is called. */
  opened(id: string): () => void {
    const use = this.#liveDevices.get(id)?.use;
    if (!use) return () => {};
    use.open++;
    return () => {
      use.open--;
      this.#used(id);
    };
  }

  /** Stores what the provider says about the person. Rejects: forbidden (disabled here), quota. */
  async meet(issuer: string, identity: Identity, role: Role | null): Promise<Person> {
    const { clock, ids } = this.#deps;
    const id = personIdOf(issuer, identity.subject);
    const now = clock.now();
    const { subject, name, email, picture, groups } = identity;
    const said = { name, email, picture, groups: [...groups], role };
    const stored = await this.#people.change(id, (found) => {
      if (found) return { ...found, ...said, lastSeenAt: now };
      if (this.#people.size >= maxPeople)
        throw new AppError('quota', `There are already ${maxPeople} people, the maximum.`);
      const key = ids.short();
      return { id, key, owner: key, issuer, subject, ...said, disabled: false, createdAt: now, lastSeenAt: now };
    });
    if (!stored) throw missing();
    return stored;
  }

  /** Changes the person as an administrator says. Rejects: not_found. */
  async change(key: string, fields: Partial<Pick<Person, 'disabled' | 'owner'>>): Promise<Person> {
    await this.load();
    const id = this.byKey(key)?.id;
    const changed = id && (await this.#people.change(id, (found) => found && { ...found, ...fields }));
    if (!changed) throw missing();
    return changed;
  }

  /** Signs a person in at a new device. Its secret is in the answer only. The oldest of too many devices ends. */
  async enter(
    person: Person,
    { seal, agent, parent = null, ...more }: NewDevice,
  ): Promise<{ device: Device; secret: string }> {
    const { clock, ids, peppers } = this.#deps;
    const now = clock.now();
    const id = ids.short();
    const secret = `crlp_${id}_${ids.token()}`;
    const times = { rotatedAt: now, createdAt: now, lastSeenAt: now, checkedAt: now, claimedUntil: 0, endedAt: null };
    const device = await this.#devices.change(id, (taken) => {
      if (taken) throw new AppError('conflict', 'This id is taken. Try again.');
      const secrets = { secret: peppers.hash(secret), before: null };
      return {
        id,
        person: person.id,
        parent,
        ...more,
        ...secrets,
        agent: agent.slice(0, 200),
        tokens: seal(id),
        ...times,
      };
    });
    if (!device) throw missing();
    const own = this.devices()
      .filter((one) => one.person === person.id)
      .sort((a, b) => b.lastSeenAt - a.lastSeenAt);
    for (const { id: oldest } of own.slice(maxDevicesEach)) await this.end(oldest);
    return { device, secret };
  }

  /** Ends the device at this server at once, and at the others within two seconds. */
  async end(id: string): Promise<void> {
    const now = this.#deps.clock.now();
    await this.#devices.change(id, (found) =>
      found && found.endedAt === null ? { ...found, endedAt: now, tokens: null } : undefined,
    );
  }

  /** Takes the right to ask the provider about the device; undefined: another server has it, or it is not due. */
  async claim(id: string, { everyMs, forMs }: { everyMs: number; forMs: number }): Promise<Device | undefined> {
    const now = this.#deps.clock.now();
    let isOurs = false;
    const device = await this.#devices.change(id, (found) => {
      isOurs = !!found && found.endedAt === null && found.claimedUntil <= now && now - found.checkedAt >= everyMs;
      return isOurs && found ? { ...found, claimedUntil: now + forMs } : undefined;
    });
    return isOurs ? device : undefined;
  }
  /** Stores that the provider confirmed the person, with its new tokens. */
  async confirm(id: string, tokens: SealedValue): Promise<void> {
    const checkedAt = this.#deps.clock.now();
    await this.#devices.change(id, (found) =>
      found && found.endedAt === null ? { ...found, tokens, checkedAt, claimedUntil: 0 } : undefined,
    );
  }

  /** Whether a browser's secret is old enough for another one. */
  isOld = (id: string): boolean =>
    this.#deps.clock.now() - (this.#devices.get(id)?.rotatedAt ?? Number.POSITIVE_INFINITY) >= rotateEveryMs;
  /** The browser's next secret; undefined: another request got it. */
  async rotate(id: string): Promise<string | undefined> {
    const { clock, ids, peppers } = this.#deps;
    const now = clock.now();
    const secret = `crlp_${id}_${ids.token()}`;
    let isNew = false;
    await this.#devices.change(id, (found) => {
      isNew = !!found && found.endedAt === null && now - found.rotatedAt >= rotateEveryMs;
      return isNew && found
        ? { ...found, secret: peppers.hash(secret), before: found.secret, rotatedAt: now }
        : undefined;
    });
    if (isNew) this.#settled.delete(id);
    return isNew ? secret : undefined;
  }

  #isLive(device: Device): boolean {
    const now = this.#deps.clock.now();
    const { absoluteMs, idleMs, uncheckedMs } = this.#deps.limits;
    const used = Math.max(device.lastSeenAt, this.usedAt(device.id));
    if (device.parent !== null) return device.endedAt === null && this.#liveDevices.has(device.parent);
    return (
      device.endedAt === null &&
      now < device.createdAt + absoluteMs &&
      now < used + idleMs &&
      now < device.checkedAt + uncheckedMs
    );
  }

  #settlePerson(id: string): void {
    const person = this.#people.get(id);
    if (!person) return;
    const { key } = person;
    const next = settled(this.#livePeople.get(key), key, this.#admitted(person));
    if (next) this.#livePeople.set(key, next);
    else this.#livePeople.delete(key);
    for (const device of this.#devices.all()) if (device.person === id) this.#settle(device.id);
  }
  #settle(id: string): void {
    const device = this.#devices.get(id);
    const known = this.#liveDevices.get(id);
    const person = device && this.#isLive(device) ? this.#people.get(device.person) : undefined;
    const next = settled(known, id, this.#admitted(person));
    if (!next) this.#liveDevices.delete(id);
    if (next && next !== known) this.#liveDevices.set(id, { ...next, use: known?.use ?? { open: 0, at: 0 } });
    if (next === known) return;
    for (const { id: command, parent } of this.#devices.all()) if (parent === id) this.#settle(command);
  }

  #admitted(person: Person | undefined): Person | undefined {
    return person && this.#deps.issuers.has(person.issuer) ? person : undefined;
  }

  async #look(): Promise<void> {
    const { shared, warn } = this.#deps;
    try {
      if (shared) await this.load();
      for (const { id } of this.#devices.all()) this.#settle(id);
      await this.#store();
    } catch (err) {
      warn({ err }, 'the people who signed in could not be read from the store; trying again in 2 s');
    }
    this.#lookLater();
  }
  #lookLater(): void {
    if (!this.#isOver) this.#timer = this.#deps.clock.setTimeout(() => void this.#look(), lookEveryMs);
  }
  /** Stores when devices were last used, and deletes those that ended long ago. */
  async #store(): Promise<void> {
    const now = this.#deps.clock.now();
    for (const { id, lastSeenAt, createdAt, person, endedAt } of this.#devices.all()) {
      const ended =
        endedAt ?? (this.#liveDevices.has(id) ? now : Math.max(createdAt, lastSeenAt) + this.#deps.limits.idleMs);
      if (now - ended > keepEndedMs) await this.#devices.delete(id);
      const used = this.usedAt(id);
      if (used - lastSeenAt < storeUseEveryMs) continue;
      const mark = <Doc extends { readonly lastSeenAt: number }>(found: Doc | undefined) =>
        found && found.lastSeenAt < used ? { ...found, lastSeenAt: used } : undefined;
      await this.#devices.change(id, mark);
      await this.#people.change(person, mark);
    }
  }
}

const nothing = { pepper: '', hash: '' };
const missing = () => new AppError('not_found', 'There is no such person.');

/** The principal that acts for the person by this key: the one before, if its rights are the same. */
function settled<Known extends Live>(known: Known | undefined, key: string, person: Person | undefined) {
  if (person && !person.disabled && person.role !== null) {
    const { role, owner } = person;
    if (known && known.principal.role === role && known.principal.owner === owner) return known;
    known?.over.abort();
    const over = new AbortController();
    const principal: Principal = { role, key, owner, person: person.key, ended: over.signal };
    return { principal, over };
  }
  known?.over.abort();
  return undefined;
}

export interface DeviceView extends Pick<Device, 'id' | 'kind' | 'agent' | 'createdAt' | 'lastSeenAt'> {}
export type PersonView = Omit<Person, 'id' | 'key' | 'picture'> & { readonly id: string };
/** The people, as procedures use them. Ids are the keys of people. */
export interface PeopleAdmin {
  readonly byKey: (person: string | undefined) => Pick<Person, 'key' | 'name' | 'email'> | undefined;
  readonly devicesOf: (person: string | undefined) => DeviceView[];
  /** Leaves devices of others as they are. */
  readonly endDevice: (id: string, person: string | undefined) => Promise<void>;
  readonly list: () => PersonView[];
  /** A code for the command that knows the text behind the challenge. Rejects: forbidden. */
  readonly allowCommand: (device: string | undefined, command: { challenge: string; agent: string }) => Promise<string>;
  /** `ownerOf`: the id of a key. Rejects: not_found, conflict (another person has that owner). */
  readonly change: (
    id: string,
    fields: { readonly disabled?: boolean | undefined; readonly ownerOf?: string | undefined },
  ) => Promise<PersonView>;
}

export function peopleAdmin(
  people: People,
  { keys, allow }: { keys: Pick<KeyAdmin, 'list'>; allow: (...of: Parameters<PeopleAdmin['allowCommand']>) => string },
): PeopleAdmin {
  const view = ({ key, picture: _, ...person }: Person): PersonView => ({ ...person, id: key });
  const own = (person: string | undefined) => {
    const id = people.byKey(person)?.id;
    return people.devices().filter((device) => device.person === id);
  };
  return {
    byKey: people.byKey,
    devicesOf: (person) =>
      own(person)
        .map(({ id, kind, agent, createdAt, lastSeenAt }) => {
          const used = Math.max(lastSeenAt, people.usedAt(id));
          return { id, kind, agent, createdAt, lastSeenAt: used };
        })
        .sort((a, b) => b.lastSeenAt - a.lastSeenAt),
    async endDevice(id, person) {
      await people.load();
      if (own(person).some((device) => device.id === id)) await people.end(id);
    },
    list: () => people.list().map(view),
    allowCommand: async (...of) => allow(...of),
    async change(id, { disabled, ownerOf }) {
      const owner = ownerOf === undefined ? undefined : (await keys.list()).find((key) => key.id === ownerOf)?.owner;
      if (ownerOf !== undefined && owner === undefined) throw new AppError('not_found', 'There is no such key.');
      await people.load();
      if (owner !== undefined && people.list().some((one) => one.owner === owner && one.key !== id))
        throw new AppError('conflict', 'Another person has taken over this key already.');
      return view(
        await people.change(id, { ...(disabled !== undefined && { disabled }), ...(owner !== undefined && { owner }) }),
      );
    },
  };
}

/** API keys and people together, as the guard reads them. */
export function joinRings(keys: KeyRing, people: People | undefined): KeyRing {
  if (!people) return keys;
  return {
    any: true, // where people sign in, nobody else gets in without a credential
    anonymous: keys.anonymous,
    find: (presented) => keys.find(presented) ?? people.find(presented, 'command'),
    live: (key) => keys.live(key) ?? people.live(key),
    principals: () => [...keys.principals(), ...people.principals()],
  };
}
