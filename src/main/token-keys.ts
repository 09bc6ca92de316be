import type { Config } from '../config/config.ts';
import type { Secret } from '../core/secret.ts';
import { keyMaterial } from './key-material.ts';

/** The keys from which the tokens of pods are derived. */
export const tokenKeys = (config: Pick<Config, 'keys' | 'dataDir'>, newKey: () => string): Promise<Secret[]> =>
  keyMaterial({ config, file: 'sandbox-key', newKey });
