import { z } from 'zod';
import type { RecordStore } from '../../core/contracts/ports.ts';
import { SealedValue, type Vault } from '../../core/contracts/vault.ts';
import { AppError, toAppError } from '../../core/errors/errors.ts';
import { failpoint } from '../../core/errors/failpoint.ts';
import { Secret } from '../../core/text/secret.ts';

/** The counts of a rotation; `remaining` are the records still under an older key. */
export interface RotationCounts {
  readonly rewrapped: number;
  readonly remaining: number;
}
interface Deps {
  readonly records: RecordStore;
  readonly vault: Vault;
  /** The kind of the records. Each has its secret in `sealed`. */
  readonly kind: string;
  /** The secret's name in its record, to which the vault binds it. */
  readonly field: string;
}
const Doc = z.looseObject({ sealed: SealedValue, createdAt: z.number() });
const maxTries = 20; // a try fails when another write changes the same record

/** Secrets in records of one kind, encrypted by the vault. */
export function sealedRecords({ records, vault, kind, field }: Deps) {
  const placeOf = (id: string) => ({ collection: kind, id, field });

  /** Writes each record atomically, so an interrupted rotation leaves it under either the old or the new encryption key. */
  async function rewrapOne(id: string): Promise<'rewrapped' | 'current' | 'remains'> {
    for (let tries = 0; tries < maxTries; tries++) {
      try {
        const found = await records.get(kind, id);
        if (!found) return 'current'; // deleted meanwhile
        const stored = Doc.parse(found.doc);
        const sealed = vault.rewrap(stored.sealed, placeOf(id));
        if (!sealed) return 'current';
        const doc = { ...stored, sealed };
        await records.put({ kind, id, doc, sort: stored.createdAt, expect: found.version });
        await failpoint('keys.rotate.after');
        return 'rewrapped';
      } catch (thrown) {
        // Another write, such as the note of a use, changed the version: read the record again.
        if (toAppError(thrown).code !== 'conflict') return 'remains';
      }
    }
    return 'remains';
  }

  return {
    seal: (id: string, secret: Secret): SealedValue => vault.seal(secret.reveal(), placeOf(id)),
    open: (id: string, sealed: SealedValue): Secret => new Secret(vault.open(sealed, placeOf(id))),
    /** Rejects: invalid_request when an encryption key is not configured. `what` names the secrets before their ids. */
    async verify(what: string): Promise<void> {
      const all = (await records.list(kind)).map(({ id, doc }) => ({ id, ...Doc.parse(doc) }));
      const strange = all.filter(({ sealed }) => !vault.knows(sealed));
      if (strange.length === 0) return;
      const names = strange.map(({ id, sealed }) => `${id} (key ${sealed.kid})`).join(', ');
      throw new AppError(
        'invalid_request',
        `${what} ${names} were sealed with an encryption key that is not configured. Give it back in ` +
          'CORRAL_KEYS_ENCRYPTION_KEY or CORRAL_KEYS_ENCRYPTION_KEY_FILE, after the new one if there is one.',
      );
    },
    async rotate(): Promise<RotationCounts> {
      let rewrapped = 0;
      let remaining = 0;
      for (const { id } of await records.list(kind)) {
        const outcome = await rewrapOne(id);
        if (outcome === 'rewrapped') rewrapped++;
        if (outcome === 'remains') remaining++;
      }
      return { rewrapped, remaining };
    },
  };
}
