import { z } from 'zod';

/** A text that only the vault can read, as it lies in the store. All fields but `v` and `kid` are base64url. */
export const Sealed = z.object({
  v: z.literal(1),
  /** Which key-encryption key wraps the data key. */
  kid: z.string(),
  /** The data key, and the nonce it was wrapped with. */
  key: z.string(),
  keyNonce: z.string(),
  text: z.string(),
  textNonce: z.string(),
});
export type Sealed = z.infer<typeof Sealed>;

/** Where a sealed text belongs; it opens nowhere else. */
export interface SealedPlace {
  readonly collection: string;
  readonly id: string;
  readonly field: string;
}

export interface Vault {
  seal(text: string, place: SealedPlace): Sealed;
  /** Rejects: store_corrupt, for any damage. */
  open(sealed: Sealed, place: SealedPlace): string;
  /** Under the primary key, the text untouched; undefined where it is so already. */
  rewrap(sealed: Sealed, place: SealedPlace): Sealed | undefined;
  /** Whether it has the key that this was sealed with. */
  knows(sealed: Sealed): boolean;
}
