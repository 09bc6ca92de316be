import { createHash, timingSafeEqual } from 'node:crypto';
import type { Peppers } from '../../auth/pepper.ts';

/** The tokens of sandboxes. They are derived from the id, so that every server of a store knows them. */
export interface Tokens {
  /** Opens the agent API of the sandbox, and its ports. */
  access(sid: string): string;
  /** Opens the ports of the sandbox alone. */
  traffic(sid: string): string;
  opensAgent(sid: string, given: Given): boolean;
  opensPorts(sid: string, given: Given): boolean;
}
export interface Given {
  readonly access?: string | undefined;
  readonly traffic?: string | undefined;
}

export function tokensOf(peppers: Pick<Peppers, 'hash'>): Tokens {
  const token = (purpose: string, sid: string) => peppers.hash(`e2b ${purpose} ${sid}`).hash;
  const access = (sid: string) => token('access', sid);
  const traffic = (sid: string) => token('traffic', sid);
  const opensAgent = (sid: string, given: Given) => same(given.access, access(sid));
  return {
    access,
    traffic,
    opensAgent,
    opensPorts: (sid, given) => opensAgent(sid, given) || same(given.traffic, traffic(sid)),
  };
}

export function same(given: string | undefined, wanted: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return given !== undefined && timingSafeEqual(digest(given), digest(wanted));
}

export interface Signed {
  readonly path: string;
  readonly operation: 'read' | 'write';
  readonly username: string;
  readonly expiration: string | undefined;
}
/** The signature of a URL of one file, as the SDKs compute it. */
export function signatureOf({ path, operation, username, expiration }: Signed, token: string): string {
  const text = [path, operation, username, token, ...(expiration === undefined ? [] : [expiration])].join(':');
  return `v1_${createHash('sha256').update(text).digest('base64').replace(/=+$/, '')}`;
}
