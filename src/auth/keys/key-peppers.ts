import { createPeppers, type Peppers } from '../pepper.ts';
import type { EncryptionKeySettings } from './encryption-keys.ts';
import { readKeyMaterial } from './key-material.ts';

/**
 * Older encryption keys yield older peppers, so stored secrets stay valid after a rotation while the older keys are configured.
 */
export async function readKeyPeppers(config: EncryptionKeySettings, newKey: () => string): Promise<Peppers> {
  return createPeppers(await readKeyMaterial({ config, file: 'api-key-pepper', newKey }));
}
