import { AppError } from '../../core/errors/errors.ts';
import type { ApiKeyAdmin } from '../api-keys.ts';
import type { Device, DeviceRegistry } from './devices.ts';
import type { Person, PersonRegistry } from './people.ts';

export interface DeviceView extends Pick<Device, 'id' | 'kind' | 'agent' | 'createdAt' | 'lastSeenAt'> {}
export type PersonView = Omit<Person, 'id' | 'key' | 'picture' | 'hasLapsed'> & { readonly id: string };
/** A person's `id`, and each `person` parameter, is `Person.key`. */
export interface PeopleAdmin {
  readonly byKey: (person: string | undefined) => Pick<Person, 'key' | 'name' | 'email'> | undefined;
  readonly listDevices: (person: string | undefined) => DeviceView[];
  /** Signs the device out, unless it belongs to another person. */
  readonly endDevice: (id: string, person: string | undefined) => Promise<void>;
  readonly list: () => PersonView[];
  /** Rejects with forbidden. */
  readonly allowCommand: (device: string | undefined, command: { challenge: string; agent: string }) => Promise<string>;
  /** `ownerOf`: the key whose owner id the person gets. Rejects with not_found or conflict (the owner id is taken). */
  readonly change: (
    id: string,
    fields: { readonly disabled?: boolean | undefined; readonly ownerOf?: string | undefined },
  ) => Promise<PersonView>;
}

interface PeopleAdminParts {
  readonly people: PersonRegistry;
  readonly devices: DeviceRegistry;
  readonly keys: Pick<ApiKeyAdmin, 'list'>;
  readonly allow: (...of: Parameters<PeopleAdmin['allowCommand']>) => string;
}
export function createPeopleAdmin({ people, devices, keys, allow }: PeopleAdminParts): PeopleAdmin {
  const view = ({ key, picture: _, hasLapsed: __, ...person }: Person): PersonView => ({ ...person, id: key });
  const own = (person: string | undefined) => {
    const id = people.byKey(person)?.id;
    return devices.list().filter((device) => device.person === id);
  };
  return {
    byKey: people.byKey,
    listDevices: (person) =>
      own(person)
        .map(({ id, kind, agent, createdAt, lastSeenAt }) => {
          const used = Math.max(lastSeenAt, devices.usedAt(id));
          return { id, kind, agent, createdAt, lastSeenAt: used };
        })
        .sort((a, b) => b.lastSeenAt - a.lastSeenAt),
    async endDevice(id, person) {
      await devices.load();
      if (own(person).some((device) => device.id === id)) await devices.end(id);
    },
    list: () => people.list().map(view),
    allowCommand: async (...of) => allow(...of),
    async change(id, { disabled, ownerOf }) {
      const owner = ownerOf === undefined ? undefined : (await keys.list()).find((key) => key.id === ownerOf)?.owner;
      if (ownerOf !== undefined && owner === undefined) throw new AppError('not_found', 'There is no such key.');
      await people.load();
      if (owner !== undefined && people.list().some((one) => one.owner === owner && one.key !== id))
        throw new AppError('conflict', 'Another person has already taken over this key.');
      return view(
        await people.change(id, { ...(disabled !== undefined && { disabled }), ...(owner !== undefined && { owner }) }),
      );
    },
  };
}
