import type { RecordStore } from '../../core/contracts/ports.ts';
import type { Vault } from '../../core/contracts/vault.ts';
import { hookSecretKind, webhookKind } from '../../core/model/records.ts';
import { sealedRecords } from './sealed-records.ts';

/** The secrets that sign webhooks, encrypted in their endpoints' records. */
export function webhookSecrets(records: RecordStore, vault: Vault) {
  const sealed = sealedRecords({ records, vault, kind: webhookKind, field: 'secret' });
  return { ...sealed, verify: () => sealed.verify('The secrets of the webhooks') };
}
/** The secrets that sign deliveries to automations. */
export function hookSecrets(records: RecordStore, vault: Vault) {
  const sealed = sealedRecords({ records, vault, kind: hookSecretKind, field: 'secret' });
  return { ...sealed, verify: () => sealed.verify('The secrets of the automations') };
}
