import { z } from 'zod';

/** All fields except `v` and `kid` are base64url. */
export const SealedValue = z.object({
  v: z.literal(1),
  /** The id of the key-encryption key that wraps the data key. */
  kid: z.string(),
  key: z.string(),
  keyNonce: z.string(),
  text: z.string(),
  textNonce: z.string(),
});
export type SealedValue = z.infer<typeof SealedValue>;

export interface SealedField {
  readonly collection: string;
  readonly id: string;
  readonly field: string;
}

/**
 * Encrypts stored secrets. A sealed value can be opened only for the field that it was sealed for.
 *
 * @example
 * const sealed = vault.seal(key, { collection: 'keys', id, field: 'value' });
 */
export interface SecretSealer {
  seal(text: string, place: SealedField): SealedValue;
  /** Throws: store_corrupt, if the value is damaged or the key-encryption key is not configured. */
  open(sealed: SealedValue, place: SealedField): string;
  /** Rewraps the data key under the primary key; undefined if that key already wraps it. */
  rewrap(sealed: SealedValue, place: SealedField): SealedValue | undefined;
  knows(sealed: SealedValue): boolean;
}
