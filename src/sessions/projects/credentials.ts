import type { z } from 'zod';
import type { Clock } from '../../core/contracts/clock.ts';
import type { RecordStore } from '../../core/contracts/ports.ts';
import { SealedValue, type Vault } from '../../core/contracts/vault.ts';
import { AppError } from '../../core/errors/errors.ts';
import { type CredentialPlaces, fitsHeader, injectionPlaces } from '../../core/model/credential.ts';
import type { SessionId } from '../../core/model/ids.ts';
import { credentialKind, SessionRecord } from '../../core/model/records.ts';
import type { SessionRepository } from '../../core/model/repository.ts';
import { Secret } from '../../core/text/secret.ts';
import { BoundCredential, type CredentialService, type SecretUse } from '../api/credentials.ts';
import { type RotationCounts, sealedRecords } from './sealed-records.ts';

const Stored = BoundCredential.extend({
  /** The value; with `uses` the id of the secret. */
  sealed: SealedValue,
});
/** One credential of a session, with the holder that it comes from. */
export interface HeldCredential extends CredentialPlaces {
  readonly name: string;
  /** The session, the project, or `server`. */
  readonly holder: string;
  readonly uses?: SecretUse | undefined;
}
export interface CredentialRing {
  /** The credentials that count in a session: its own first, then its project's, then the server's stored ones. */
  inForce(session: Pick<SessionRecord, 'id' | 'projectId'>): Promise<readonly HeldCredential[]>;
  inForceFor(id: SessionId): Promise<{
    readonly held: readonly HeldCredential[];
    /** The repositories of the session, on which the credentials for git depend. */
    readonly repositories: readonly SessionRepository[];
    /** The vaults that the program gave to the session. */
    readonly vaults: readonly string[];
  }>;
  /** The server's stored ones, and up to 1,000 of projects and sessions, the newest. */
  heldByAll(): Promise<readonly CredentialPlaces[]>;
  /** Rejects: not_found (revoked), store_corrupt. */
  value(of: Pick<HeldCredential, 'holder' | 'name'>): Promise<Secret>;
  /** Deletes all of a project. Those of a session end with its log. */
  forget(project: string): Promise<void>;
  /** `exists` rejects for an unknown session or project. */
  serviceOf<Id extends string>(exists: (id: Id) => Promise<unknown>): CredentialService<Id>;
  /** Rejects: invalid_request when an encryption key is not configured. */
  verify(): Promise<void>;
  rotate(): Promise<RotationCounts>;
}
interface Deps {
  readonly records: RecordStore;
  readonly vault: Vault;
  readonly clock: Clock;
  /** Called with each value before its first use, so that the logger can mask it. */
  readonly learn: (value: Secret) => void;
  /** Called after each change. */
  readonly onChange: () => void;
  /** The value of a secret of programs. Rejects: not_found. */
  readonly secretValue: (id: string) => Promise<Secret>;
}
/** The holder of credentials that count in all sessions. No session and no project has this id. */
export const serverHolder = 'server';
const kind = credentialKind;
const most = 50;
// An answer of the host that repeats the value is cut off; a shorter one could be in many answers.
const shortest = 8;
const longest = 8_192;
// One record for each credential, named after its holder, so that a session's removal removes its credentials too.
const idOf = (holder: string, name: string) => `${holder}:${name}`;

/** Credentials that users bind to a session or a project. A value leaves the server only towards the credential's hosts. */
export function credentialRing({ records, vault, clock, learn, onChange, secretValue }: Deps): CredentialRing {
  const sealing = sealedRecords({ records, vault, kind, field: 'value' });
  const all = async (holder: string) =>
    (await records.list(kind, { idPrefix: idOf(holder, '') })).map(({ doc }) => Stored.parse(doc));
  const held = async (holder: string): Promise<readonly HeldCredential[]> =>
    (await all(holder)).map(({ sealed: _, createdAt: __, ...rest }) => ({ ...rest, holder }));

  const inForce: CredentialRing['inForce'] = async ({ id, projectId }) => [
    ...(await held(id)),
    ...(projectId === null ? [] : await held(projectId)),
    ...(await held(serverHolder)),
  ];

  async function write(
    of: string,
    { name, hosts, header, scheme, user, env, git, paths }: CredentialPlaces & { readonly name: string },
    { value, uses }: { readonly value: Secret; readonly uses?: SecretUse },
  ): Promise<BoundCredential> {
    const others = (await all(of)).filter((other) => other.name !== name);
    if (others.length >= most) throw new AppError('conflict', `There are ${most} credentials already. Revoke some.`);
    const places = new Set(injectionPlaces({ hosts, header, env, git, paths }));
    for (const other of others) {
      const taken = injectionPlaces(other).find((place) => places.has(place));
      if (taken)
        throw new AppError('conflict', `The credential '${other.name}' sets ${taken} already. Revoke it first.`);
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

  function serviceOf<Id extends string>(exists: (id: Id) => Promise<unknown>): CredentialService<Id> {
    return {
      async list(of) {
        await exists(of);
        return (await all(of)).map(shown).sort((one, other) => (one.name < other.name ? -1 : 1));
      },
      async put(of, credential, value) {
        await exists(of);
        refuseUnfit(value);
        learn(value);
        return await write(of, credential, { value });
      },
      async bind(of, credential, uses) {
        await exists(of);
        await secretValue(uses.secret);
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
      if (!found) return { held: await held(serverHolder), repositories: [], vaults: [] };
      const session = SessionRecord.parse(found.doc);
      return { held: await inForce(session), repositories: session.repositories ?? [], vaults: vaultsOf(session) };
    },
    async heldByAll() {
      const newest = await records.list(kind, { limit: 1_000 });
      return [...(await held(serverHolder)), ...newest.map(({ doc }) => Stored.parse(doc))];
    },
    async value({ holder, name }) {
      const found = await records.get(kind, idOf(holder, name));
      if (!found) throw revoked(name);
      const { sealed, uses } = Stored.parse(found.doc);
      if (uses) return await secretValue(uses.secret);
      const value = sealing.open(idOf(holder, name), sealed);
      learn(value); // another server may have stored it
      return value;
    },
    async forget(project) {
      for (const { name } of await all(project)) await records.delete(kind, idOf(project, name));
      onChange();
    },
    serviceOf,
    verify: () => sealing.verify('The stored credentials'),
    rotate: () => sealing.rotate(),
  };
}

const shown = ({ sealed: _, ...rest }: z.output<typeof Stored>): BoundCredential => rest;

/** The vaults that a program gave to a session. */
export const vaultsOf = ({ agent }: Pick<SessionRecord, 'agent'>): readonly string[] => agent?.vaults ?? [];

const revoked = (name: string) => new AppError('not_found', `There is no credential '${name}' here.`);

/** Rejects: invalid_request. */
export function refuseUnfit(value: Secret): void {
  const text = value.reveal();
  if (text.length >= shortest && text.length <= longest && fitsHeader(text)) return;
  throw new AppError(
    'invalid_request',
    `The value must have ${shortest} to ${longest} printable ASCII characters, because a header carries it.`,
  );
}
