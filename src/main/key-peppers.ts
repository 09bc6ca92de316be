import { type Peppers, peppers } from '../auth/pepper.ts';
import type { Config } from '../config/config.ts';
import { keptKeys } from './kept-keys.ts';

/** What API keys are hashed under; it outlives the rotation of what it is derived from. */
export async function keyPeppers(config: Pick<Config, 'keys' | 'dataDir'>, newKey: () => string): Promise<Peppers> {
  return peppers(await keptKeys({ config, file: 'api-key-pepper', newKey }));
}
