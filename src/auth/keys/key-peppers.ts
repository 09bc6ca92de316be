import { createPeppers, type Peppers } from '../pepper.ts';
import type { KeySettings } from './encryption-keys.ts';
import { readKeyMaterial } from './key-material.ts';

/** Peppers outlive a rotation of the keys that they are derived from. */
export async function readKeyPeppers(config: KeySettings, newKey: () => string): Promise<Peppers> {
  return createPeppers(await readKeyMaterial({ config, file: 'api-key-pepper', newKey }));
}
