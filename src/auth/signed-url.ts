import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../core/clock.ts';

// A link that works without a token, for one purpose and a short time: `v1.kid.exp.nonce.mac`, with the id of the key that
// made it before the mac where one did. What it allows is not in it but in what is signed, so a link for one thing opens
// no other; and it opens no more than that key would.

/** What a link may be for, with the rights that it may give, the usual one first; those that work once only are marked. */
const purposes = {
  vnc: { rights: ['control', 'view'], once: true },
  file: { rights: ['read'], once: false },
} as const;
export type Purpose = keyof typeof purposes;
export type Right = (typeof purposes)[Purpose]['rights'][number];

export interface Signed {
  readonly method: string;
  readonly path: string;
  readonly purpose: Purpose;
}
/** What is signed beside the path and what it is for. */
interface Choice {
  readonly right?: Right;
  /** The id of a key: what the link opens is opened on its behalf, and for as long as it is valid. */
  readonly subject?: string | undefined;
}
export interface SignedUrls {
  /** The path with its signature. */
  sign(what: Signed & Choice, lifeMs: number): string;
  /** What it gives the right to; undefined where it is not valid. A link that works once is used up by this. */
  accepts(what: Signed, signature: string): Right | undefined;
}

interface Part {
  readonly expires: number;
  readonly nonce: string;
  readonly subject: string;
}
const form = /^v1\.([0-9a-f]{8})\.([1-9]\d{0,15})\.([\w-]{22})(?:\.([0-9a-f]{12}))?\.([\w-]{43})$/;

/** Of a link that was accepted. */
export const subjectOf = (signature: string): string | undefined => form.exec(signature)?.[4];

/** Used links are remembered until they expire; beyond so many at once new ones are refused. */
const maxUsed = 100_000;

/** Under a key of this process: links are short-lived, and a restart makes all of them void. */
export function signedUrls(clock: Clock): SignedUrls {
  const key = crypto.getRandomValues(new Uint8Array(32));
  const kid = createHash('sha256').update('corral link key').update(key).digest('hex').slice(0, 8);
  const used = new Map<string, number>();

  function mac({ method, path, purpose }: Signed, right: Right, { expires, nonce, subject }: Part): Buffer {
    // As JSON, so that no field can run into the next.
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
      const made = mac(what, right ?? purposes[what.purpose].rights[0], { expires, nonce, subject });
      const parts = ['v1', kid, expires, nonce, ...(subject === '' ? [] : [subject]), made.toString('base64url')];
      const signature = parts.join('.');
      return `${what.path}?signature=${signature}`;
    },
    accepts(what, signature) {
      const [, givenKid, expiry = '', nonce = '', subject = '', given = ''] = form.exec(signature) ?? [];
      const expires = Number(expiry);
      // Always compared with all there are, so that the time tells nothing of what is wrong.
      const bytes = sized(Buffer.from(given, 'base64url'));
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

const sized = (given: Buffer): Buffer => (given.length === 32 ? given : Buffer.alloc(32));
