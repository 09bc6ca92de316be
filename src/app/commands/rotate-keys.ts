import { resolve } from 'node:path';
import { findKeysUnderOldPeppers } from '../../auth/api-keys.ts';
import { findEnvironmentKeysUnderOldPeppers } from '../../auth/environment-keys.ts';
import { readEncryptionKeys } from '../../auth/keys/encryption-keys.ts';
import { readKeyPeppers } from '../../auth/pepper.ts';
import { createSecretSealer } from '../../auth/vault.ts';
import { sleep } from '../../core/concurrency/cancel.ts';
import { systemClock } from '../../core/contracts/clock.ts';
import type { ServerDependencies } from '../../core/contracts/server-parts.ts';
import { createIdSource } from '../../core/model/ids.ts';
import type { Logger } from '../../observability/logger.ts';
import { createBoundCredentialStore } from '../../sessions/projects/credentials.ts';
import { createProviderKeyStore } from '../../sessions/projects/provider-keys.ts';
import {
  createAutomationSecretStore,
  createWebhookSecretStore,
  type KeyRotationCounts,
} from '../../sessions/projects/sealed-records.ts';
import { createToolServerSecretStore } from '../../sessions/tool-servers/entered.ts';
import { CredentialRecords } from '../../sessions/vaults/credential-records.ts';
import { NamedSecretStore } from '../../sessions/vaults/named-secrets.ts';
import { openCommandStore } from '../parts/store.ts';
import type { CommandTerminal } from './command.ts';
import { loadLocalConfig } from './local-config.ts';

const inUse =
  'A running server re-wraps the stored keys itself: restart it with the new encryption key first in CORRAL_KEYS_ENCRYPTION_KEY followed by the old one, or stop it and run this again.';
const retryMs = [1_000, 10_000, 60_000, 600_000];

interface Background extends Pick<ServerDependencies, 'clock' | 'closing'> {
  readonly sealed: readonly { rotate(): Promise<KeyRotationCounts> }[];
  readonly logger: Pick<Logger, 'info' | 'warn'>;
}

export async function rotateKeysInBackground({ sealed, clock, logger, closing }: Background): Promise<void> {
  for (let tries = 0; !closing.aborted; tries++) {
    try {
      const counts = await rotateAll(sealed);
      if (counts.remaining === 0) return logger.info(counts, 'stored keys use the primary encryption key');
      logger.warn(counts, 'some stored keys do not use the primary encryption key yet; retrying');
    } catch (err) {
      logger.warn({ err }, 'the stored keys could not be re-wrapped; retrying');
    }
    await sleep(retryMs[tries] ?? 600_000, closing, clock).catch(() => {});
  }
}

async function rotateAll(sealed: Background['sealed']): Promise<KeyRotationCounts> {
  let sum = { rewrapped: 0, remaining: 0 };
  for (const one of sealed) {
    const { rewrapped, remaining } = await one.rotate();
    sum = { rewrapped: sum.rewrapped + rewrapped, remaining: sum.remaining + remaining };
  }
  return sum;
}

/** Returns exit code 0 if the older encryption keys are no longer needed. */
export async function rotateKeys({ print, say }: Pick<CommandTerminal, 'print' | 'say'>): Promise<number> {
  const config = { ...loadLocalConfig(), dataDir: resolve(loadLocalConfig().dataDir) };
  const ids = createIdSource();
  await using stack = new AsyncDisposableStack();
  const store = stack.use(await openCommandStore(config, { inUse }));
  const sealing = await readEncryptionKeys({ config, isSealed: true, newKey: () => ids.token() });
  const learn = () => {}; // nothing to mask, because no decrypted secret is logged here
  const common = { records: store.records, vault: createSecretSealer(sealing), clock: systemClock, ids, learn };
  const secrets = new NamedSecretStore(common);
  const sealed = [
    secrets,
    createProviderKeyStore({ ...common, baseUrls: {} }),
    createBoundCredentialStore({
      ...common,
      onChange: () => {},
      secretValue: (id, session) => secrets.value(id, session),
    }),
    createWebhookSecretStore(store.records, common.vault),
    createAutomationSecretStore(store.records, common.vault),
    createToolServerSecretStore(store.records, common.vault),
    new CredentialRecords(common),
  ];
  for (const one of sealed) await one.verify();
  const { rewrapped, remaining } = await rotateAll(sealed);
  print(
    `${rewrapped} stored keys of providers, credentials, tool servers and secrets of webhooks and automations were re-wrapped, ${remaining} remain under an earlier encryption key.`,
  );
  if (remaining > 0) say('They could not be written. Run this command again; it continues where it stopped.');

  const peppers = await readKeyPeppers(config, () => ids.token());
  const unused = await findKeysUnderOldPeppers(store.records, { peppers, now: systemClock.now() });
  print(`${unused.length} API keys remain under an earlier encryption key.`);
  for (const { id, name } of unused) print(`  ${id}  ${name}`);
  const ofWorkers = await findEnvironmentKeysUnderOldPeppers(store.records, peppers);
  if (ofWorkers.length > 0) print(`${ofWorkers.length} keys of environments remain under an earlier encryption key.`);
  for (const { id, name, environmentId } of ofWorkers) print(`  ${environmentId}  ${id}  ${name}`);
  if (unused.length + ofWorkers.length > 0)
    say(
      'An API key is re-wrapped at its next use. Keep the earlier encryption key until then, or create the API keys again.',
    );
  if (remaining + unused.length + ofWorkers.length > 0) return 1;
  print('Only the first encryption key is needed now: remove the others from CORRAL_KEYS_ENCRYPTION_KEY or its file.');
  return 0;
}
