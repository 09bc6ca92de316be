import { type Peppers, peppers } from '../auth/pepper.ts';
import type { Config } from '../config/config.ts';
import { keyMaterial } from './key-material.ts';

/** The peppers under which API keys are hashed. They outlive a rotation of the keys that they are derived from. */
export async function keyPeppers(config: Pick<Config, 'keys' | 'dataDir'>, newKey: () => string): Promise<Peppers> {
  return peppers(await keyMaterial({ config, file: 'api-key-pepper', newKey }));
}
