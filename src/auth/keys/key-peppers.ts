import { createPeppers, type Peppers } from '../pepper.ts';
import type { EncryptionKeySettings } from './encryption-keys.ts';
import { readKeyMaterial } from './key-material.ts';

/** Peppers outlive a rotation of the keys that they are derived from. */
export async function readKeyPeppers(config: EncryptionKeySettings, newKey: () => string): Promise<Peppers> {
  return createPeppers(await readKeyMaterial({ config, file: 'api-key-pepper', newKey }));
}
