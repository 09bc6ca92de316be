import type { RecordStore } from '../../core/contracts/ports.ts';
import type { SecretSealer } from '../../core/contracts/vault.ts';
import { automationSecretKind, webhookKind } from '../../core/model/records.ts';
import { createSealedRecordStore } from './sealed-records.ts';

export function createWebhookSecretStore(records: RecordStore, vault: SecretSealer) {
  const sealed = createSealedRecordStore({ records, vault, kind: webhookKind, field: 'secret' });
  return { ...sealed, verify: () => sealed.verify('The secrets of the webhooks') };
}
export function createAutomationSecretStore(records: RecordStore, vault: SecretSealer) {
  const sealed = createSealedRecordStore({ records, vault, kind: automationSecretKind, field: 'secret' });
  return { ...sealed, verify: () => sealed.verify('The secrets of the automations') };
}
