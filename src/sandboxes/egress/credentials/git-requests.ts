import type { SessionRepository } from '../../../core/model/repository.ts';
import { type EgressTarget, toEgressTarget } from '../target.ts';
import type { Credential } from './credential.ts';

// Accepts only git's exact spelling (gitprotocol-http): servers can interpret other spellings differently from this
// proxy.

interface GitRequest {
  /** Without a final `.git`. */
  readonly repository: string;
  /** `write`: the request changes the repository, or precedes a request that does. */
  readonly kind: 'read' | 'write';
}

const plainPath = /^(\/[A-Za-z0-9_~][A-Za-z0-9._~+-]*)+$/;
const endings: readonly (readonly [string, RegExp, GitRequest['kind']])[] = [
  ['GET', /\/info\/refs\?service=git-upload-pack$/, 'read'],
  ['GET', /\/info\/refs\?service=git-receive-pack$/, 'write'],
  ['POST', /\/git-upload-pack$/, 'read'],
  ['POST', /\/git-receive-pack$/, 'write'],
  // A batch can request uploads, so write access is needed.
  ['POST', /\/info\/lfs\/objects\/batch$/, 'write'],
  ['POST', /\/info\/lfs\/locks\/verify$/, 'write'],
];

function parseGitRequest(method: string | undefined, url: string): GitRequest | undefined {
  for (const [target, ending, kind] of endings) {
    const found = method === target ? ending.exec(url) : null;
    const path = found && url.slice(0, found.index);
    if (path && plainPath.test(path)) return { repository: stripGitSuffix(path), kind };
  }
  return undefined;
}

/** Whether any server could interpret the URL as a push. */
export function isPossiblePush(url: string): boolean {
  let text = url;
  for (let turn = 0; turn < 3 && text.includes('%'); turn++) {
    text = text.replace(/%([0-9a-f]{2})/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
  }
  return /receive-pack/i.test(text);
}

/** A path that git would spell differently never matches. */
export function isUnderAnyPrefix(path: string, prefixes: readonly string[]): boolean {
  return plainPath.test(path) && prefixes.some((one) => path === one || path.startsWith(one === '/' ? one : `${one}/`));
}

const stripGitSuffix = (path: string): string => path.replace(/\/$/, '').replace(/\.git$/, '');

/** Any other header could override the request's path or method. */
export const gitHeaders: ReadonlySet<string> = new Set([
  ...['accept', 'accept-language', 'cache-control', 'content-encoding', 'content-length', 'content-type'],
  ...['git-protocol', 'pragma', 'user-agent'],
]);

type RepositoryAccessRule = Pick<SessionRepository, 'url' | 'access'>;
interface GitAccess {
  readonly git: 'read' | 'write';
  /** If undefined, only the session's repositories are allowed. */
  readonly paths?: readonly string[] | undefined;
}

export function parseUrlTarget(url: string): EgressTarget {
  const { hostname, port, protocol } = new URL(url);
  return toEgressTarget(hostname, port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port));
}

/**
 * Writes need `write` in both the credential and the session. With `paths`, git can also read other repositories below
 * them, such as submodules, but cannot reach any outside them.
 */
export function createGitRequestCheck(
  { git, paths }: GitAccess,
  repositories: readonly RepositoryAccessRule[],
): NonNullable<Credential['admits']> {
  const all = repositories
    .filter(({ url }) => url.startsWith('https:'))
    .map(({ url, access }) => ({ at: parseUrlTarget(url), path: stripGitSuffix(new URL(url).pathname), access }));
  const prefixes = paths?.map(stripGitSuffix);
  return (method, url, target) => {
    const requested = parseGitRequest(method, url);
    if (!requested) return false;
    if (prefixes && !isUnderAnyPrefix(requested.repository, prefixes)) return false;
    const own = all.find(
      ({ at, path }) => at.host === target.host && at.port === target.port && path === requested.repository,
    );
    if (requested.kind === 'read') return own !== undefined || prefixes !== undefined;
    return git === 'write' && own?.access === 'write';
  };
}
