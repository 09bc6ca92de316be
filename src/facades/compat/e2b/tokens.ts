import { createHash, timingSafeEqual } from 'node:crypto';
import type { Peppers } from '../../../auth/pepper.ts';
import { adminPrincipal, type Principal } from '../../../core/model/principal.ts';
import type { SessionRecord } from '../../../core/model/records.ts';
import { trimEndCharacters } from '../../../core/text/text.ts';
import type { CallerCredentialRegistry } from '../../../http/guard/credentials.ts';

/** Each token is derived from the id and the caller's credential, and becomes invalid with that credential. */
export interface SandboxTokenService {
  /** Grants access to the sandbox's ports and to envd. */
  access(box: Box, maker: Principal): string;
  /** Grants access only to the sandbox's ports. */
  traffic(box: Box, maker: Principal): string;
  /** Undefined if the token is wrong or its credential is no longer valid. */
  opensAgent(box: Box, presentedTokens: PresentedTokens): Principal | undefined;
  opensPorts(box: Box, presentedTokens: PresentedTokens): Principal | undefined;
  volume(id: string, maker: Principal): string;
  opensVolume(id: string, value: string | undefined): Principal | undefined;
  /** `id` includes the archive's hash and the expiry. */
  upload(id: string, maker: Principal): string;
  opensUpload(id: string, value: string | undefined): Principal | undefined;
  makers(owner: string | undefined): readonly Principal[];
}
/** Each increment of `tokenRounds` invalidates a sandbox's earlier tokens. */
type Box = { readonly id: string } & Pick<SessionRecord, 'tokenRounds'>;
export interface PresentedTokens {
  readonly access?: string | undefined;
  readonly traffic?: string | undefined;
}
const macChars = 43;

export function createSandboxTokenService(
  peppers: Pick<Peppers, 'hash'>,
  credentials: Pick<CallerCredentialRegistry, 'serverSeal' | 'live' | 'principals'>,
): SandboxTokenService {
  const token = (purpose: string, { id, tokenRounds = 0 }: Box, { key = '' }: Principal) => {
    const seal = key === '' ? (credentials.serverSeal ?? '') : '';
    const box = tokenRounds === 0 ? id : `${id}#${tokenRounds}`;
    return `${key}${peppers.hash(`e2b ${purpose} ${box} ${key} ${seal}`).hash}`;
  };
  const findMaker = (purpose: string, box: Box, value: string | undefined) => {
    const key = value?.slice(0, -macChars) ?? '';
    const maker = key === '' ? withoutKey(credentials) : credentials.live(key);
    return maker && isSameToken(value, token(purpose, box, maker)) ? byToken(maker) : undefined;
  };
  const opensAgent = (box: Box, presentedTokens: PresentedTokens) => findMaker('access', box, presentedTokens.access);
  return {
    access: (box, maker) => token('access', box, maker),
    traffic: (box, maker) => token('traffic', box, maker),
    volume: (id, maker) => token('volume', { id }, maker),
    opensVolume: (id, value) => findMaker('volume', { id }, value),
    upload: (id, maker) => token('upload', { id }, maker),
    opensUpload: (id, value) => findMaker('upload', { id }, value),
    opensAgent,
    opensPorts: (box, presentedTokens) =>
      opensAgent(box, presentedTokens) ?? findMaker('traffic', box, presentedTokens.traffic),
    makers(owner) {
      const keys = credentials.principals().filter((one) => one.role === 'admin' || one.owner === owner);
      return [withoutKey(credentials) ?? [], keys].flat().map(byToken);
    },
  };
}
const withoutKey = ({ serverSeal }: Pick<CallerCredentialRegistry, 'serverSeal'>) =>
  serverSeal === undefined ? undefined : adminPrincipal;

const known = new WeakMap<Principal, Principal>();
function byToken(maker: Principal): Principal {
  const principal = known.get(maker) ?? { ...maker, by: 'sandbox token' as const };
  known.set(maker, principal);
  return principal;
}

export function isSameToken(value: string | undefined, target: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return value !== undefined && timingSafeEqual(digest(value), digest(target));
}

export interface SignedFileUrl {
  readonly path: string;
  readonly operation: 'read' | 'write';
  readonly username: string;
  readonly expiration: string | undefined;
}
/** Computed as in the SDKs. */
export function computeFileSignature({ path, operation, username, expiration }: SignedFileUrl, token: string): string {
  const text = [path, operation, username, token, ...(expiration === undefined ? [] : [expiration])].join(':');
  return `v1_${trimEndCharacters(createHash('sha256').update(text).digest('base64'), '=')}`;
}
