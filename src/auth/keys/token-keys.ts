import type { Secret } from '../../core/text/secret.ts';
import type { KeySettings } from './encryption-keys.ts';
import { readKeyMaterial } from './key-material.ts';

export const readTokenKeys = (config: KeySettings, newKey: () => string): Promise<Secret[]> =>
  readKeyMaterial({ config, file: 'sandbox-key', newKey });
