import { createHash, timingSafeEqual } from 'node:crypto';
import type { Peppers } from '../../../auth/pepper.ts';
import { type Actor, everybody } from '../../../core/model/actor.ts';
import type { SessionRecord } from '../../../core/model/records.ts';
import type { Credentials } from '../../../http/guard/credentials.ts';

/**
 * The tokens of sandboxes. They are derived from the id and the credential of the caller who gets them, so that every server of
 * a store knows them, and they end with that credential, or when the tokens of the sandbox are replaced.
 */
export interface Tokens {
  /** Opens the agent API of the sandbox, and its ports. */
  access(box: Box, maker: Actor): string;
  /** Opens the ports of the sandbox alone. */
  traffic(box: Box, maker: Actor): string;
  /** The caller for whom the token acts; undefined when it is wrong or its maker's credential has ended. */
  opensAgent(box: Box, given: Given): Actor | undefined;
  opensPorts(box: Box, given: Given): Actor | undefined;
  /** The callers whose tokens can open a sandbox of this owner. */
  makers(owner: string | undefined): readonly Actor[];
}
/** A sandbox; its tokens end when their round does. */
type Box = Pick<SessionRecord, 'id' | 'tokenRounds'>;
export interface Given {
  readonly access?: string | undefined;
  readonly traffic?: string | undefined;
}
const macChars = 43;

export function tokensOf(
  peppers: Pick<Peppers, 'hash'>,
  credentials: Pick<Credentials, 'serverSeal' | 'live' | 'actors'>,
): Tokens {
  const token = (purpose: string, { id, tokenRounds = 0 }: Box, { key = '' }: Actor) => {
    const seal = key === '' ? (credentials.serverSeal ?? '') : '';
    const box = tokenRounds === 0 ? id : `${id}#${tokenRounds}`;
    return `${key}${peppers.hash(`e2b ${purpose} ${box} ${key} ${seal}`).hash}`;
  };
  const makerOf = (purpose: string, box: Box, given: string | undefined) => {
    const key = given?.slice(0, -macChars) ?? '';
    const maker = key === '' ? withoutKey(credentials) : credentials.live(key);
    return maker && same(given, token(purpose, box, maker)) ? byToken(maker) : undefined;
  };
  const opensAgent = (box: Box, given: Given) => makerOf('access', box, given.access);
  return {
    access: (box, maker) => token('access', box, maker),
    traffic: (box, maker) => token('traffic', box, maker),
    opensAgent,
    opensPorts: (box, given) => opensAgent(box, given) ?? makerOf('traffic', box, given.traffic),
    makers(owner) {
      const keys = credentials.actors().filter((one) => one.role === 'admin' || one.owner === owner);
      return [withoutKey(credentials) ?? [], keys].flat().map(byToken);
    },
  };
}
const withoutKey = ({ serverSeal }: Pick<Credentials, 'serverSeal'>) =>
  serverSeal === undefined ? undefined : everybody;

const known = new WeakMap<Actor, Actor>();
/** The same object for the same caller. */
function byToken(maker: Actor): Actor {
  const made = known.get(maker) ?? { ...maker, by: 'sandbox token' as const };
  known.set(maker, made);
  return made;
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
