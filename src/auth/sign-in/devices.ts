import { z } from 'zod';
import type { Clock } from '../../core/contracts/clock.ts';
import type { RecordStore } from '../../core/contracts/ports.ts';
import { SealedValue } from '../../core/contracts/vault.ts';
import { AppError } from '../../core/errors/errors.ts';
import type { IdSource } from '../../core/model/ids.ts';
import type { Principal } from '../../core/model/principal.ts';
import { RecordMirror } from '../../storage/mirror.ts';
import type { Peppers } from '../pepper.ts';
import { type Person, type PersonRegistry, personNotFoundError, type RevocablePrincipal } from './people.ts';

const Hash = z.object({ pepper: z.string(), hash: z.string() });
const Device = z.object({
  id: z.string(),
  person: z.string(),
  kind: z.enum(['browser', 'command']),
  /** Null for a browser. A CLI loses access when the browser that approved it does. */
  parent: z.string().nullable().default(null),
  secret: Hash,
  /** The previous secret, valid until a minute after the new one is first used. */
  before: Hash.nullable(),
  rotatedAt: z.number(),
  agent: z.string(),
  sid: z.string().nullable(),
  tokens: SealedValue.nullable(),
  /** True if there is a refresh token, needed to check the person's access. */
  refreshes: z.boolean(),
  createdAt: z.number(),
  lastSeenAt: z.number(),
  checkedAt: z.number(),
  /** Until this time, only one server contacts the provider about the person. */
  claimedUntil: z.number(),
  endedAt: z.number().nullable(),
});
export type Device = z.infer<typeof Device>;

interface DeviceLimits {
  /** A device is signed out this long after its sign-in. */
  readonly absoluteMs: number;
  readonly idleMs: number;
  /** A device is signed out after this long without the provider's confirmation. */
  readonly uncheckedMs: number;
}
interface Deps {
  readonly records: RecordStore;
  readonly people: PersonRegistry;
  readonly peppers: Peppers;
  readonly clock: Pick<Clock, 'now'>;
  readonly ids: Pick<IdSource, 'short' | 'token'>;
  readonly shared: boolean;
  readonly limits: DeviceLimits;
}
interface DeviceUse {
  open: number;
  at: number;
}
interface LiveDevice extends RevocablePrincipal {
  readonly use: DeviceUse;
}
interface NewDevice {
  readonly kind: Device['kind'];
  readonly agent: string;
  readonly parent?: string | null;
  readonly sid: string | null;
  readonly refreshes: boolean;
  readonly seal: (id: string) => SealedValue | null;
}

const form = /^crlp_([0-9a-f]{12})_[\w-]{43}$/;
const storeUseEveryMs = 60_000;
const rotateEveryMs = 12 * 3_600_000;
const overlapMs = 60_000; // for requests already sent with the previous secret
const keepEndedMs = 24 * 3_600_000;
const maxDevicesEach = 50;
const nothing = { pepper: '', hash: '' };

export class DeviceRegistry {
  readonly #deps: Deps;
  readonly #devices: RecordMirror<Device>;
  readonly #live = new Map<string, LiveDevice>();
  readonly #settled = new Map<string, number>();
  readonly #keyUse = new Map<string, DeviceUse>();

  constructor(deps: Deps) {
    this.#deps = deps;
    const onChange = (id: string) => this.#settle(id);
    this.#devices = new RecordMirror({ records: deps.records, kind: 'device', schema: Device, onChange });
    deps.people.onChange = ({ id }) => {
      for (const device of this.all(id)) this.#settle(device.id);
    };
  }

  async load(): Promise<void> {
    await this.#deps.people.load();
    await this.#devices.load();
  }

  /** `kind`: a browser's secret is valid only in a cookie, a command line's only outside one. */
  find(presented: readonly string[], kind: Device['kind']): Principal | undefined {
    for (const text of presented) {
      const id = form.exec(text)?.[1] ?? '';
      const device = this.get(id);
      const { peppers, clock } = this.#deps;
      const isNew = peppers.matches(text, device?.secret ?? nothing);
      const isOld = peppers.matches(text, device?.before ?? nothing);
      if (device?.kind !== kind || !(isNew || isOld)) continue;
      const live = this.#isLive(device) ? this.#live.get(id) : undefined;
      if (!live) continue;
      if (isNew && device.before) this.#settled.set(id, this.#settled.get(id) ?? clock.now());
      if (isOld && clock.now() - (this.#settled.get(id) ?? clock.now()) > overlapMs) continue;
      this.#used(id);
      return live.principal;
    }
    return undefined;
  }
  mayBeNew = (text: string): boolean => {
    const id = form.exec(text)?.[1];
    return this.#deps.shared && id !== undefined && this.get(id) === undefined;
  };
  live = (id: string): Principal | undefined => this.#live.get(id)?.principal;
  principals = (): Principal[] => [...this.#live.values()].map(({ principal }) => principal);
  get = (id: string): Device | undefined => this.#devices.get(id);
  list = (): Device[] => this.#devices.all().filter(({ id }) => this.#live.has(id));
  all = (person: string): Device[] => this.#devices.all().filter((device) => device.person === person);
  /** Epoch ms; the current time while in use; 0 if unused since the server started. */
  usedAt = (id: string): number => this.#lastOf(this.#live.get(id)?.use);
  atWorkAt({ id, person }: Pick<Device, 'id' | 'person'>): number {
    const key = this.#deps.people.byId(person)?.key ?? '';
    return Math.max(this.usedAt(id), this.#lastOf(this.#keyUse.get(key)));
  }
  #lastOf = (use: DeviceUse | undefined): number =>
    use === undefined ? 0 : use.open > 0 ? this.#deps.clock.now() : use.at;
  #used(id: string): void {
    const live = this.#live.get(id);
    if (live) live.use.at = this.#deps.clock.now();
    const parent = this.get(id)?.parent ?? null;
    if (parent !== null) this.#used(parent); // using a command line also counts as using the browser that approved it
  }
  opened({ key = '', person, isPersonalKey }: Principal): () => void {
    const use = isPersonalKey && person ? this.#keyUseOf(person) : this.#live.get(key)?.use;
    if (!use) return () => {};
    use.open++;
    return () => {
      use.open--;
      use.at = this.#deps.clock.now();
      this.#used(key);
    };
  }
  #keyUseOf(person: string): DeviceUse {
    const use = this.#keyUse.get(person) ?? { open: 0, at: 0 };
    this.#keyUse.set(person, use);
    return use;
  }

  /** Signs out the person's least recently used devices beyond the limit. */
  async enter(
    person: Person,
    { seal, agent, parent = null, ...more }: NewDevice,
  ): Promise<{ device: Device; secret: string }> {
    const { clock, ids, peppers } = this.#deps;
    const now = clock.now();
    const id = ids.short();
    const secret = `crlp_${id}_${ids.token()}`;
    const times = { rotatedAt: now, createdAt: now, lastSeenAt: now, checkedAt: now, claimedUntil: 0, endedAt: null };
    const fields = { id, person: person.id, parent, ...more, ...times, agent: agent.slice(0, 200), tokens: seal(id) };
    const device = await this.#devices.change(id, (taken) => {
      if (taken) throw new AppError('conflict', 'This id is taken. Try again.');
      return { ...fields, secret: peppers.hash(secret), before: null };
    });
    if (!device) throw personNotFoundError();
    const own = this.list()
      .filter((one) => one.person === person.id)
      .sort((a, b) => b.lastSeenAt - a.lastSeenAt);
    for (const { id: oldest } of own.slice(maxDevicesEach)) await this.end(oldest);
    return { device, secret };
  }

  /** Takes effect immediately on this server, and within two seconds on the others. */
  async end(id: string): Promise<void> {
    await this.#change(id, { endedAt: this.#deps.clock.now(), tokens: null });
  }
  /** Undefined if the check is claimed or not due, or the device is signed out. */
  async claim(id: string, { everyMs, forMs }: { everyMs: number; forMs: number }): Promise<Device | undefined> {
    const now = this.#deps.clock.now();
    return await this.#change(
      id,
      { claimedUntil: now + forMs },
      ({ claimedUntil, checkedAt }) => claimedUntil <= now && now - checkedAt >= everyMs,
    );
  }
  async confirm(id: string, tokens: SealedValue): Promise<void> {
    await this.#change(id, { tokens, checkedAt: this.#deps.clock.now(), claimedUntil: 0 });
  }
  async #change(
    id: string,
    fields: Partial<Device>,
    holds: (found: Device) => boolean = () => true,
  ): Promise<Device | undefined> {
    let isChanged = false;
    const device = await this.#devices.change(id, (found) => {
      isChanged = found !== undefined && found.endedAt === null && holds(found);
      return isChanged && found ? { ...found, ...fields } : undefined;
    });
    return isChanged ? device : undefined;
  }

  isOld = (id: string): boolean =>
    this.#deps.clock.now() - (this.get(id)?.rotatedAt ?? Number.POSITIVE_INFINITY) >= rotateEveryMs;
  /** Undefined if the secret was rotated recently or the device is signed out. */
  async rotate(id: string): Promise<string | undefined> {
    const { clock, ids, peppers } = this.#deps;
    const now = clock.now();
    const secret = `crlp_${id}_${ids.token()}`;
    const before = this.get(id)?.secret ?? nothing;
    const fields = { secret: peppers.hash(secret), before, rotatedAt: now };
    const isDue = (found: Device) => now - found.rotatedAt >= rotateEveryMs;
    if (!(await this.#change(id, fields, isDue))) return undefined;
    this.#settled.delete(id);
    return secret;
  }

  #isLive(device: Device): boolean {
    const now = this.#deps.clock.now();
    const { absoluteMs, idleMs, uncheckedMs } = this.#deps.limits;
    const used = Math.max(device.lastSeenAt, this.usedAt(device.id));
    if (device.parent !== null) return device.endedAt === null && this.#live.has(device.parent);
    return (
      device.endedAt === null &&
      now < device.createdAt + absoluteMs &&
      now < used + idleMs &&
      now < device.checkedAt + uncheckedMs
    );
  }
  #settle(id: string): void {
    const device = this.get(id);
    const known = this.#live.get(id);
    const person = device && this.#isLive(device) ? device.person : undefined;
    const next = this.#deps.people.actAs(id, person, known);
    if (!next) this.#live.delete(id);
    if (next && next !== known) this.#live.set(id, { ...next, use: known?.use ?? { open: 0, at: 0 } });
    if (next === known) return;
    for (const { id: command, parent } of this.#devices.all()) if (parent === id) this.#settle(command);
  }

  async look(): Promise<void> {
    const { shared, limits, clock, people } = this.#deps;
    if (shared) await this.load();
    const now = clock.now();
    for (const { id, lastSeenAt, createdAt, person, endedAt } of this.#devices.all()) {
      this.#settle(id);
      const ended = endedAt ?? (this.#live.has(id) ? now : Math.max(createdAt, lastSeenAt) + limits.idleMs);
      if (now - ended > keepEndedMs) await this.#devices.delete(id);
      const used = this.usedAt(id);
      if (used - lastSeenAt < storeUseEveryMs) continue;
      await this.#devices.change(id, (found) =>
        found && found.lastSeenAt < used ? { ...found, lastSeenAt: used } : undefined,
      );
      await people.seen(person, used);
    }
  }
}
