import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../core/contracts/clock.ts';

// A signature is `v1.kid.exp.nonce.mac`, or `v1.kid.exp.nonce.key.mac` for a link that is bound to an API key.

/** The first entry of `rights` is the default. */
const purposes = {
  vnc: { rights: ['control', 'view'], once: true },
  file: { rights: ['read'], once: false },
} as const;
export type SignedUrlPurpose = keyof typeof purposes;
export type SignedUrlRight = (typeof purposes)[SignedUrlPurpose]['rights'][number];

export interface SignedUrlScope {
  readonly method: string;
  readonly path: string;
  readonly purpose: SignedUrlPurpose;
}
interface SignedFields {
  readonly right?: SignedUrlRight;
  /** An API key's id. The link stops working when the key does. */
  readonly subject?: string | undefined;
}
export interface SignedUrls {
  sign(what: SignedUrlScope & SignedFields, lifeMs: number): string;
  /** Undefined if the link is not valid. Uses up a single-use link. */
  accepts(what: SignedUrlScope, signature: string): SignedUrlRight | undefined;
}

interface SignedPart {
  readonly expires: number;
  readonly nonce: string;
  readonly subject: string;
}
const form = /^v1\.([0-9a-f]{8})\.([1-9]\d{0,15})\.([\w-]{22})(?:\.([0-9a-f]{12}))?\.([\w-]{43})$/;

export const parseSignatureSubject = (signature: string): string | undefined => form.exec(signature)?.[4];

/** While this many used links are remembered, further single-use links are refused. */
const maxUsed = 100_000;

/** Uses a random key, so a restart invalidates all links. */
export function createSignedUrls(clock: Clock): SignedUrls {
  const key = crypto.getRandomValues(new Uint8Array(32));
  const kid = createHash('sha256').update('corral link key').update(key).digest('hex').slice(0, 8);
  const used = new Map<string, number>();

  function mac(
    { method, path, purpose }: SignedUrlScope,
    right: SignedUrlRight,
    { expires, nonce, subject }: SignedPart,
  ): Buffer {
    // JSON, so that adjacent fields cannot be confused.
    const signed = JSON.stringify(['v1', kid, method, path, purpose, right, expires, nonce, subject]);
    return createHmac('sha256', key).update(signed).digest();
  }
  function forgetExpired(now: number): void {
    for (const [nonce, expires] of used) if (expires <= now) used.delete(nonce);
  }

  return {
    sign({ right, subject = '', ...what }, lifeMs) {
      const expires = clock.now() + lifeMs;
      const nonce = Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString('base64url');
      const created = mac(what, right ?? purposes[what.purpose].rights[0], { expires, nonce, subject });
      const parts = ['v1', kid, expires, nonce, ...(subject === '' ? [] : [subject]), created.toString('base64url')];
      const signature = parts.join('.');
      return `${what.path}?signature=${signature}`;
    },
    accepts(what, signature) {
      const [, givenKid, expiry = '', nonce = '', subject = '', value = ''] = form.exec(signature) ?? [];
      const expires = Number(expiry);
      // Compares the MAC for every right, so that timing reveals nothing.
      const bytes = sized(Buffer.from(value, 'base64url'));
      const [right] = purposes[what.purpose].rights.filter((one) =>
        timingSafeEqual(mac(what, one, { expires, nonce, subject }), bytes),
      );
      const now = clock.now();
      if (!right || givenKid !== kid || expires <= now) return undefined;
      if (!purposes[what.purpose].once) return right;
      if (used.size >= maxUsed) forgetExpired(now);
      if (used.has(nonce) || used.size >= maxUsed) return undefined;
      used.set(nonce, expires);
      return right;
    },
  };
}

const sized = (input: Buffer): Buffer => (input.length === 32 ? input : Buffer.alloc(32));
