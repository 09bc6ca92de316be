import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { Secret } from '../core/text/secret.ts';
import { type EncryptionKeySettings, readKeyMaterial } from './keys/encryption-keys.ts';

/** Hashes secrets with an HMAC, so that someone who can read the store can neither use them nor check guesses. */
export interface Peppers {
  hash(text: string): PepperedHash;
  /** Runs in constant time. False if the pepper is unknown. */
  matches(text: string, stored: PepperedHash): boolean;
  knows(pepper: string): boolean;
  isPrimary(pepper: string): boolean;
}
export interface PepperedHash {
  readonly pepper: string;
  readonly hash: string;
}

export function createPeppers(secrets: readonly Secret[]): Peppers {
  const all = new Map(secrets.map((secret) => named(secret.reveal())));
  const [[primary, first] = ['', Buffer.alloc(0)]] = all;
  const mac = (key: Buffer, text: string) => createHmac('sha256', key).update(text).digest();
  return {
    hash: (text) => ({ pepper: primary, hash: mac(first, text).toString('base64url') }),
    matches(text, { pepper, hash }) {
      const key = all.get(pepper);
      const input = mac(key ?? first, text);
      const stored = Buffer.from(hash, 'base64url');
      const same = timingSafeEqual(input, stored.length === input.length ? stored : Buffer.alloc(input.length));
      return same && key !== undefined;
    },
    knows: (pepper) => all.has(pepper),
    isPrimary: (pepper) => pepper === primary,
  };
}

/** The HMAC key is derived, so that the secret can safely serve other purposes. */
function named(secret: string): [string, Buffer] {
  const key = createHmac('sha256', secret).update('corral api keys').digest();
  return [createHash('sha256').update(key).digest('hex').slice(0, 8), key];
}

/** Secrets hashed under older keys stay valid while those keys are configured. */
export async function readKeyPeppers(config: EncryptionKeySettings, newKey: () => string): Promise<Peppers> {
  return createPeppers(await readKeyMaterial({ config, file: 'api-key-pepper', newKey }));
}
