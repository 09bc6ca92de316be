import type { z } from 'zod';
import type { ServerDependencies } from '../../core/contracts/server-parts.ts';
import { SealedValue, type SecretSealer } from '../../core/contracts/vault.ts';
import { AppError } from '../../core/errors/errors.ts';
import type { ResourceOwnership } from '../../core/model/access/holder.ts';
import { type CredentialInjection, isValidHeaderValue, listInjectionTargets } from '../../core/model/credential.ts';
import type { SessionId } from '../../core/model/ids.ts';
import { credentialKind, SessionRecord } from '../../core/model/records.ts';
import type { SessionRepository } from '../../core/model/repository.ts';
import type { SessionVaults } from '../../core/model/tool-server.ts';
import { Secret } from '../../core/text/secret.ts';
import { BoundCredential, type CredentialService, type SecretReference } from '../api/credentials.ts';
import type { ServerCredentialService } from '../api/server/credentials.ts';
import { createSealedRecordStore, type KeyRotationCounts } from './sealed-records.ts';

const Stored = BoundCredential.extend({
  /** The value, or the id of the secret if `uses` is set. */
  sealed: SealedValue,
});
export interface CredentialWithHolder extends CredentialInjection {
  readonly name: string;
  readonly holder: string;
  readonly uses?: SecretReference | undefined;
}
export interface BoundCredentialStore {
  /** In order of precedence: the session's own, its project's, then the server's stored ones. */
  inForce(session: Pick<SessionRecord, 'id' | 'projectId'>): Promise<readonly CredentialWithHolder[]>;
  inForceFor(id: SessionId): Promise<{
    readonly held: readonly CredentialWithHolder[];
    readonly repositories: readonly SessionRepository[];
    readonly vaults: SessionVaults;
  }>;
  /** The server's stored credentials, and the 1,000 newest across all holders. */
  heldByAll(): Promise<readonly CredentialInjection[]>;
  /** Rejects: not_found (revoked), store_corrupt. */
  value(of: Pick<CredentialWithHolder, 'holder' | 'name'>): Promise<Secret>;
  /** Deletes a project's credentials. A session's credentials are removed with its log. */
  forget(project: string): Promise<void>;
  /** `exists` must reject for an unknown session or project. */
  createService<Id extends string>(exists: (id: Id) => Promise<unknown>): CredentialService<Id>;
  /** Rejects: invalid_request if a required encryption key is not configured. */
  verify(): Promise<void>;
  rotate(): Promise<KeyRotationCounts>;
}
interface Deps extends Pick<ServerDependencies, 'clock' | 'records'> {
  readonly vault: SecretSealer;
  /** Called with each value before its first use, for masking in logs. */
  readonly learn: (value: Secret) => void;
  readonly onChange: () => void;
  /** Rejects: not_found. */
  readonly secretValue: (id: string, session: ResourceOwnership) => Promise<Secret>;
}
/** No session or project has this id. */
export const serverHolderId = 'server';
const kind = credentialKind;
const most = 50;
// Minimum length. Responses that contain the value are cut off, so it must not occur by chance.
const shortest = 8;
const longest = 8_192;
// Ids begin with the holder's id, so that removing a session removes its credentials.
const idOf = (holder: string, name: string) => `${holder}:${name}`;

/** A value is sent only to the credential's hosts. */
export function createBoundCredentialStore({
  records,
  vault,
  clock,
  learn,
  onChange,
  secretValue,
}: Deps): BoundCredentialStore {
  const sealing = createSealedRecordStore({ records, vault, kind, field: 'value' });
  const all = async (holder: string) =>
    (await records.list(kind, { idPrefix: idOf(holder, '') })).map(({ doc }) => Stored.parse(doc));
  const held = async (holder: string): Promise<readonly CredentialWithHolder[]> =>
    (await all(holder)).map(({ sealed: _, createdAt: __, ...rest }) => ({ ...rest, holder }));

  async function readHolder(holder: string): Promise<ResourceOwnership> {
    const session = holder === serverHolderId ? undefined : await records.get('session', holder);
    if (session) return SessionRecord.parse(session.doc);
    return holder === serverHolderId ? {} : { projectId: holder };
  }

  const inForce: BoundCredentialStore['inForce'] = async ({ id, projectId }) => [
    ...(await held(id)),
    ...(projectId === null ? [] : await held(projectId)),
    ...(await held(serverHolderId)),
  ];

  async function write(
    of: string,
    { name, hosts, header, scheme, user, env, git, paths }: CredentialInjection & { readonly name: string },
    { value, uses }: { readonly value: Secret; readonly uses?: SecretReference },
  ): Promise<BoundCredential> {
    const others = (await all(of)).filter((other) => other.name !== name);
    if (others.length >= most)
      throw new AppError('conflict', `There are already ${most} credentials. Revoke some first.`);
    const places = new Set(listInjectionTargets({ hosts, header, env, git, paths }));
    for (const other of others) {
      const taken = listInjectionTargets(other).find((place) => places.has(place));
      if (taken)
        throw new AppError('conflict', `The credential '${other.name}' already sets ${taken}. Revoke it first.`);
    }
    const createdAt = clock.now();
    const sealed = sealing.seal(idOf(of, name), value);
    const optional = {
      ...(scheme && { scheme }),
      ...(user && { user }),
      ...(git && { git }),
      ...(paths && { paths }),
      ...(uses && { uses }),
    };
    const doc = { name, hosts, header, ...optional, env, sealed, createdAt };
    await records.put({ kind, id: idOf(of, name), doc, sort: createdAt });
    onChange();
    return shown(Stored.parse(doc));
  }

  function createService<Id extends string>(exists: (id: Id) => Promise<unknown>): CredentialService<Id> {
    return {
      async list(of) {
        await exists(of);
        return (await all(of)).map(shown).sort((one, other) => (one.name < other.name ? -1 : 1));
      },
      async put(of, credential, value) {
        await exists(of);
        assertUsableSecret(value);
        learn(value);
        return await write(of, credential, { value });
      },
      async bind(of, credential, uses) {
        await exists(of);
        await secretValue(uses.secret, await readHolder(of));
        return await write(of, credential, { value: new Secret(uses.secret), uses });
      },
      async revoke(of, name) {
        await exists(of);
        if (!(await records.get(kind, idOf(of, name)))) throw revoked(name);
        await records.delete(kind, idOf(of, name));
        onChange();
      },
    };
  }

  return {
    inForce,
    async inForceFor(id) {
      const found = await records.get('session', id);
      if (!found) return { held: await held(serverHolderId), repositories: [], vaults: { ids: [], session: {} } };
      const session = SessionRecord.parse(found.doc);
      return {
        held: await inForce(session),
        repositories: session.repositories ?? [],
        vaults: sessionVaultsOf(session),
      };
    },
    async heldByAll() {
      const newest = await records.list(kind, { limit: 1_000 });
      return [...(await held(serverHolderId)), ...newest.map(({ doc }) => Stored.parse(doc))];
    },
    async value({ holder, name }) {
      const found = await records.get(kind, idOf(holder, name));
      if (!found) throw revoked(name);
      const { sealed, uses } = Stored.parse(found.doc);
      if (uses) return await secretValue(uses.secret, await readHolder(holder));
      const value = sealing.open(idOf(holder, name), sealed);
      learn(value);
      return value;
    },
    async forget(project) {
      for (const { name } of await all(project)) await records.delete(kind, idOf(project, name));
      onChange();
    },
    createService,
    verify: () => sealing.verify('The stored credentials'),
    rotate: () => sealing.rotate(),
  };
}

const shown = ({ sealed: _, ...rest }: z.output<typeof Stored>): BoundCredential => rest;

export const sessionVaultsOf = ({
  agent,
  owner,
  projectId,
}: Pick<SessionRecord, 'agent' | 'owner' | 'projectId'>): SessionVaults => ({
  ids: agent?.vaults ?? [],
  session: { owner, projectId },
});

const revoked = (name: string) => new AppError('not_found', `There is no credential '${name}' here.`);

export function assertUsableSecret(value: Secret): void {
  const text = value.reveal();
  if (text.length >= shortest && text.length <= longest && isValidHeaderValue(text)) return;
  throw new AppError(
    'invalid_request',
    `The value must have ${shortest} to ${longest} printable ASCII characters, because it is sent in a header.`,
    { field: 'value' },
  );
}

interface ServerCredentialDeps {
  readonly ring: Pick<BoundCredentialStore, 'createService'>;
  /** Credentials from the settings, which override stored credentials. */
  readonly settings: readonly (CredentialInjection & { readonly name: string })[];
  readonly setBy: string;
}

export function createServerCredentials({ ring, settings, setBy }: ServerCredentialDeps): ServerCredentialService {
  const stored = ring.createService<typeof serverHolderId>(async () => {});
  function refuseSetting(name: string): void {
    if (!settings.some((one) => one.name === name)) return;
    const text = `${setBy} sets the credential '${name}' and overrides values entered here. Change it there and restart the server.`;
    throw new AppError('invalid_request', text, { field: 'name' });
  }
  return {
    async list() {
      const own = await stored.list(serverHolderId);
      return [
        ...settings.map(({ name, hosts, header, scheme, user, env, git, paths }) => ({
          ...{ name, hosts, header, scheme, user, env, git, paths },
          setBy,
          createdAt: null,
        })),
        ...own.map((one) => ({ ...one, setBy: null })),
      ];
    },
    async put(name, places, value) {
      refuseSetting(name);
      const requested = new Set(listInjectionTargets(places));
      for (const other of settings) {
        const taken = listInjectionTargets(other).find((place) => requested.has(place));
        if (taken) throw new AppError('conflict', `The credential '${other.name}' of ${setBy} already sets ${taken}.`);
      }
      return { ...(await stored.put(serverHolderId, { name, ...places }, value)), setBy: null };
    },
    async revoke(name) {
      refuseSetting(name);
      await stored.revoke(serverHolderId, name);
    },
  };
}
