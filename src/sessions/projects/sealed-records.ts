import { z } from 'zod';
import type { RecordStore } from '../../core/contracts/ports.ts';
import { SealedValue, type SecretSealer } from '../../core/contracts/vault.ts';
import { AppError } from '../../core/errors/errors.ts';
import { failpoint } from '../../core/errors/failpoint.ts';
import { automationSecretKind, webhookKind } from '../../core/model/records.ts';
import { Secret } from '../../core/text/secret.ts';
import { changeRecord } from '../../storage/collection.ts';

/** `remaining` counts the records that still use an older key. */
export interface KeyRotationCounts {
  readonly rewrapped: number;
  readonly remaining: number;
}
interface Deps {
  readonly records: RecordStore;
  readonly vault: SecretSealer;
  readonly kind: string;
  /** The vault binds each ciphertext to its kind, record and field. */
  readonly field: string;
}
const Doc = z.looseObject({ sealed: SealedValue, createdAt: z.number() });

export function createSealedRecordStore({ records, vault, kind, field }: Deps) {
  const placeOf = (id: string) => ({ collection: kind, id, field });

  /** After an interruption, each record is encrypted with the old or the new key. */
  async function rewrapOne(id: string): Promise<'rewrapped' | 'current' | 'remains'> {
    try {
      const changed = await changeRecord(records, { kind, id }, (found) => {
        if (!found) return undefined; // deleted in the meantime
        const stored = Doc.parse(found.doc);
        const sealed = vault.rewrap(stored.sealed, placeOf(id));
        return sealed && { doc: { ...stored, sealed }, sort: stored.createdAt };
      });
      if (!changed) return 'current';
      await failpoint('keys.rotate.after');
      return 'rewrapped';
    } catch {
      return 'remains';
    }
  }

  return {
    seal: (id: string, secret: Secret): SealedValue => vault.seal(secret.reveal(), placeOf(id)),
    open: (id: string, sealed: SealedValue): Secret => new Secret(vault.open(sealed, placeOf(id))),
    /** `what`: the kind of secret, for the message. Rejects: invalid_request (an encryption key is not configured). */
    async verify(what: string): Promise<void> {
      const all = (await records.list(kind)).map(({ id, doc }) => ({ id, ...Doc.parse(doc) }));
      const strange = all.filter(({ sealed }) => !vault.knows(sealed));
      if (strange.length === 0) return;
      const names = strange.map(({ id, sealed }) => `${id} (key ${sealed.kid})`).join(', ');
      throw new AppError(
        'invalid_request',
        `${what} ${names} were sealed with an encryption key that is not configured. Add it to ` +
          'CORRAL_KEYS_ENCRYPTION_KEY or CORRAL_KEYS_ENCRYPTION_KEY_FILE, after the new one if there is one.',
      );
    },
    async rotate(): Promise<KeyRotationCounts> {
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

export function createWebhookSecretStore(records: RecordStore, vault: SecretSealer) {
  const sealed = createSealedRecordStore({ records, vault, kind: webhookKind, field: 'secret' });
  return { ...sealed, verify: () => sealed.verify('The secrets of the webhooks') };
}
export function createAutomationSecretStore(records: RecordStore, vault: SecretSealer) {
  const sealed = createSealedRecordStore({ records, vault, kind: automationSecretKind, field: 'secret' });
  return { ...sealed, verify: () => sealed.verify('The secrets of the automations') };
}
