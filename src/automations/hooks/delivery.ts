import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { HookEvent, HookRequest } from '../../sessions/api/server/automations.ts';

export interface VerifiedDelivery {
  /** Deduplication key, derived from signed data only. */
  readonly id: string;
  /** The signed time, epoch ms. If undefined, the payload's time is used. */
  readonly signedAt?: number;
}
/** All fields except `event` and `at` contain untrusted text. */
export interface HookDelivery {
  readonly event: HookEvent | null;
  /** Epoch ms. Undefined if the payload has no time. */
  readonly at: number | undefined;
  readonly repository: string;
  readonly sender: string;
  /** The added labels if the payload lists them, otherwise all labels of the issue. */
  readonly labels: readonly string[];
  readonly assignees: readonly string[];
  readonly about: string;
  readonly url: string;
  readonly text: string;
}
export interface HookReader {
  /** Undefined unless the request shows that the sender knows the secret. */
  verify(request: HookRequest, secret: string): VerifiedDelivery | undefined;
  read(headers: HookRequest['headers'], payload: unknown): HookDelivery | undefined;
}

export function equalsInConstantTime(value: string, expected: string): boolean {
  const [a, b] = [value, expected].map((text) => createHash('sha256').update(text).digest());
  return timingSafeEqual(a as Buffer, b as Buffer);
}
export const hashBody = (body: Uint8Array): string => createHash('sha256').update(body).digest('hex').slice(0, 32);

/** GitHub and Gitea use the secret itself as the key, without decoding. */
export function verifyHexHmac(
  value: string | undefined,
  body: Uint8Array,
  secret: string,
): VerifiedDelivery | undefined {
  if (value === undefined) return undefined;
  const expected = createHmac('sha256', secret).update(body).digest('hex');
  return equalsInConstantTime(value.toLowerCase(), expected) ? { id: hashBody(body) } : undefined;
}

export function verifyStandardWebhook({ headers, body }: HookRequest, secret: string): VerifiedDelivery | undefined {
  const [id, timestamp, signatures] = ['id', 'timestamp', 'signature'].map((name) => headers[`webhook-${name}`]);
  if (!id || !timestamp || !signatures || !/^\d{1,12}$/.test(timestamp)) return undefined;
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  const expected = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest('base64');
  const fits = signatures
    .split(' ')
    .slice(0, 10)
    .some((one) => equalsInConstantTime(one, `v1,${expected}`));
  return fits ? { id: hashBody(Buffer.from(id)), signedAt: Number(timestamp) * 1_000 } : undefined;
}

export function readValueAt(payload: unknown, path: string): unknown {
  let value = payload;
  for (const name of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Readonly<Record<string, unknown>>)[name];
  }
  return value;
}
export function readTextAt(payload: unknown, ...paths: readonly string[]): string {
  for (const path of paths) {
    const value = readValueAt(payload, path);
    if (typeof value === 'string' && value !== '') return value;
    if (typeof value === 'number') return String(value);
  }
  return '';
}
export function readTextListAt(payload: unknown, list: string, path: string): string[] {
  const items = readValueAt(payload, list);
  return Array.isArray(items) ? items.map((item) => readTextAt(item, path)).filter(Boolean) : [];
}
/** Epoch ms. Undefined if no path has a time. */
export function readTimeAt(payload: unknown, ...paths: readonly string[]): number | undefined {
  const at = Date.parse(readTextAt(payload, ...paths));
  return Number.isNaN(at) ? undefined : at;
}
