import type { Config } from '../config/config.ts';
import type { Secret } from '../core/secret.ts';
import { keptKeys } from './kept-keys.ts';

/** What the tokens of pods are derived from. */
export const tokenKeys = (config: Pick<Config, 'keys' | 'dataDir'>, newKey: () => string): Promise<Secret[]> =>
  keptKeys({ config, file: 'sandbox-key', newKey });
