import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../core/clock.ts';

// A link that works without a token, for one purpose and a short time: `v1.kid.exp.nonce.mac`. What it allows is not in
// it but in what is signed, so a link for one thing opens no other.

/** What a link may be for, with the rights that it gives; those that may be used once only are marked. */
const purposes = {
  vnc: { rights: 'control', once: true },
  file: { rights: 'read', once: false },
} as const;
export type Purpose = keyof typeof purposes;

export interface Signed {
  readonly method: string;
  readonly path: string;
  readonly purpose: Purpose;
}
export interface SignedUrls {
  /** The path with its signature. */
  sign(what: Signed, lifeMs: number): string;
  /** A link that works once is used up by this. */
  accepts(what: Signed, signature: string): boolean;
}

/** Used links are remembered until they expire; beyond so many at once new ones are refused. */
const maxUsed = 100_000;

/** Under a key of this process: links are short-lived, and a restart makes all of them void. */
export function signedUrls(clock: Clock): SignedUrls {
  const key = crypto.getRandomValues(new Uint8Array(32));
  const kid = createHash('sha256').update('corral link key').update(key).digest('hex').slice(0, 8);
  const used = new Map<string, number>();

  function mac({ method, path, purpose }: Signed, expires: number, nonce: string): Buffer {
    const { rights } = purposes[purpose];
    // As JSON, so that no field can run into the next.
    const signed = JSON.stringify(['v1', kid, method, path, purpose, rights, expires, nonce]);
    return createHmac('sha256', key).update(signed).digest();
  }
  function forgetExpired(now: number): void {
    for (const [nonce, expires] of used) if (expires <= now) used.delete(nonce);
  }

  return {
    sign(what, lifeMs) {
      const expires = clock.now() + lifeMs;
      const nonce = Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString('base64url');
      const signature = ['v1', kid, expires, nonce, mac(what, expires, nonce).toString('base64url')].join('.');
      return `${what.path}?signature=${signature}`;
    },
    accepts(what, signature) {
      const parts = /^v1\.([0-9a-f]{8})\.([1-9]\d{0,15})\.([\w-]{22})\.([\w-]{43})$/.exec(signature);
      const [, givenKid, expiry = '', nonce = '', given = ''] = parts ?? [];
      const expires = Number(expiry);
      // Always compared, so that the time tells nothing of what is wrong.
      const isOurs = timingSafeEqual(mac(what, expires, nonce), sized(Buffer.from(given, 'base64url')));
      const now = clock.now();
      if (!isOurs || givenKid !== kid || expires <= now) return false;
      if (!purposes[what.purpose].once) return true;
      if (used.size >= maxUsed) forgetExpired(now);
      if (used.has(nonce) || used.size >= maxUsed) return false;
      used.set(nonce, expires);
      return true;
    },
  };
}

const sized = (given: Buffer): Buffer => (given.length === 32 ? given : Buffer.alloc(32));
