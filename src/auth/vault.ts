import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import type { SealedField, SealedValue, SecretSealer } from '../core/contracts/vault.ts';
import { AppError } from '../core/errors/errors.ts';
import type { Secret } from '../core/text/secret.ts';

const cipher = 'aes-256-gcm';
const nonceBytes = 12;
const tagBytes = 16;
const keyBytes = 32;

/** Encrypts each string with its own data key, which is wrapped with the first of `keys`. Older keys only decrypt. */
export function createSecretSealer(keys: readonly Secret[]): SecretSealer {
  const ring = new Map(keys.map((key) => named(decoded(key))));
  const [primary] = ring.keys();
  if (primary === undefined) throw new AppError('internal', 'A vault needs a key.');

  const wrap = (dataKey: Buffer, place: SealedField) => {
    const { nonce, box } = encrypt(dataKey, ring.get(primary) as Buffer, aad(place, primary));
    return { kid: primary, key: box, keyNonce: nonce };
  };
  const unwrap = ({ kid, key, keyNonce }: SealedValue, place: SealedField): Buffer => {
    const known = ring.get(kid);
    if (!known) throw corrupt(`it was sealed with the key ${kid}, which is not configured`);
    return decrypt({ nonce: keyNonce, box: key }, known, aad(place, kid));
  };

  return {
    seal(text, place) {
      const dataKey = randomBytes(keyBytes);
      // The text is bound only to its record, not to a key, so a rotation rewraps only the data key.
      const { nonce, box } = encrypt(Buffer.from(text), dataKey, aad(place, ''));
      return { v: 1, ...wrap(dataKey, place), text: box, textNonce: nonce };
    },
    open(sealed, place) {
      const dataKey = unwrap(sealed, place);
      return decrypt({ nonce: sealed.textNonce, box: sealed.text }, dataKey, aad(place, '')).toString();
    },
    rewrap(sealed, place) {
      if (sealed.kid === primary) return undefined;
      return { ...sealed, ...wrap(unwrap(sealed, place), place) };
    },
    knows: ({ kid }) => ring.has(kid),
  };
}

export function parseEncryptionKey(text: string): Buffer | undefined {
  if (/^[0-9a-f]{64}$/i.test(text)) return Buffer.from(text, 'hex');
  if (!/^[A-Za-z0-9+/_-]{43}=?$/.test(text)) return undefined;
  const bytes = Buffer.from(text, 'base64');
  return bytes.length === keyBytes ? bytes : undefined;
}

function decoded(key: Secret): Buffer {
  const bytes = parseEncryptionKey(key.reveal());
  if (bytes) return bytes;
  throw new AppError(
    'invalid_request',
    'An encryption key (CORRAL_KEYS_ENCRYPTION_KEY) must be 32 bytes, as 64 hex digits or as base64. ' +
      'Create one with `openssl rand -hex 32`.',
  );
}

function named(key: Buffer): [string, Buffer] {
  return [createHash('sha256').update('corral key id').update(key).digest('hex').slice(0, 16), key];
}

function aad({ collection, id, field }: SealedField, kid: string): Buffer {
  return Buffer.from([collection, id, field, kid, 1].join('|'));
}

interface Box {
  readonly nonce: string;
  readonly box: string;
}
function encrypt(plain: Buffer, key: Buffer, bound: Buffer): Box {
  const nonce = randomBytes(nonceBytes);
  const sealing = createCipheriv(cipher, key, nonce, { authTagLength: tagBytes }).setAAD(bound);
  const box = Buffer.concat([sealing.update(plain), sealing.final(), sealing.getAuthTag()]);
  return { nonce: nonce.toString('base64url'), box: box.toString('base64url') };
}

function decrypt({ nonce, box }: Box, key: Buffer, bound: Buffer): Buffer {
  try {
    const bytes = Buffer.from(box, 'base64url');
    const opening = createDecipheriv(cipher, key, Buffer.from(nonce, 'base64url'), { authTagLength: tagBytes });
    opening.setAAD(bound).setAuthTag(bytes.subarray(-tagBytes));
    return Buffer.concat([opening.update(bytes.subarray(0, -tagBytes)), opening.final()]);
  } catch (cause) {
    throw corrupt('it was modified, or copied from another record', cause);
  }
}

const corrupt = (why: string, cause?: unknown) =>
  new AppError('store_corrupt', `A stored secret cannot be opened: ${why}.`, { cause });
