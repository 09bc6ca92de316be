import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { HookEvent, HookRequest } from '../../sessions/api/server/automations.ts';

/** The statement of a signature about a delivery. */
export interface Proof {
  /** The same each time that the same delivery comes; its unsigned headers do not count. */
  readonly id: string;
  /** The time that the signature covers, epoch ms; undefined: it covers none, so the payload's time counts. */
  readonly signedAt?: number;
}
/** An event, as far as an automation asks for it. Everything but `event` and `at` has the words of strangers. */
export interface HookNews {
  readonly event: HookEvent | null;
  /** Epoch ms; undefined: the payload does not say. */
  readonly at: number | undefined;
  readonly repository: string;
  readonly sender: string;
  /** The labels that were added, where it says so; else those of the issue. */
  readonly labels: readonly string[];
  readonly assignees: readonly string[];
  /** One line that says what it is about. */
  readonly about: string;
  readonly url: string;
  readonly text: string;
}
/** The deliveries of one kind of program. */
export interface HookReader {
  /** Undefined: nobody who knows the secret sent exactly this. */
  verify(request: HookRequest, secret: string): Proof | undefined;
  /** Undefined: no automation can ask for it. */
  read(headers: HookRequest['headers'], payload: unknown): HookNews | undefined;
}

/** Compares in a time that does not depend on the place of the first difference. */
export function isEqual(value: string, expected: string): boolean {
  const [a, b] = [value, expected].map((text) => createHash('sha256').update(text).digest());
  return timingSafeEqual(a as Buffer, b as Buffer);
}
export const digestOf = (body: Uint8Array): string => createHash('sha256').update(body).digest('hex').slice(0, 32);

/** GitHub's and Gitea's: the body's HMAC in hex, with the text of the secret as the key. */
export function verifyHexHmac(value: string | undefined, body: Uint8Array, secret: string): Proof | undefined {
  if (value === undefined) return undefined;
  const expected = createHmac('sha256', secret).update(body).digest('hex');
  return isEqual(value.toLowerCase(), expected) ? { id: digestOf(body) } : undefined;
}

/**
 * Standard Webhooks: an HMAC over id, time and body; a request can have several signatures, one of which must match.
 */
export function verifyStandard({ headers, body }: HookRequest, secret: string): Proof | undefined {
  const [id, timestamp, signatures] = ['id', 'timestamp', 'signature'].map((name) => headers[`webhook-${name}`]);
  if (!id || !timestamp || !signatures || !/^\d{1,12}$/.test(timestamp)) return undefined;
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  const expected = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest('base64');
  const fits = signatures
    .split(' ')
    .slice(0, 10)
    .some((one) => isEqual(one, `v1,${expected}`));
  return fits ? { id: digestOf(Buffer.from(id)), signedAt: Number(timestamp) * 1_000 } : undefined;
}
