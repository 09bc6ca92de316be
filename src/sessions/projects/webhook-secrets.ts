import type { RecordStore } from '../../core/contracts/ports.ts';
import type { Vault } from '../../core/contracts/vault.ts';
import { hookSecretKind, webhookKind } from '../../core/model/records.ts';
import { createSealedRecordStore } from './sealed-records.ts';

export function createWebhookSecretStore(records: RecordStore, vault: Vault) {
  const sealed = createSealedRecordStore({ records, vault, kind: webhookKind, field: 'secret' });
  return { ...sealed, verify: () => sealed.verify('The secrets of the webhooks') };
}
export function createHookSecretStore(records: RecordStore, vault: Vault) {
  const sealed = createSealedRecordStore({ records, vault, kind: hookSecretKind, field: 'secret' });
  return { ...sealed, verify: () => sealed.verify('The secrets of the automations') };
}
