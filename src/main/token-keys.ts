import type { Config } from '../config/config.ts';
import type { Secret } from '../core/secret.ts';
import { keptKeys } from './kept-keys.ts';

/** The keys from which the tokens of pods are derived. */
export const tokenKeys = (config: Pick<Config, 'keys' | 'dataDir'>, newKey: () => string): Promise<Secret[]> =>
  keptKeys({ config, file: 'sandbox-key', newKey });
