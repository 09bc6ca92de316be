import type { SessionRepository } from '../../../core/model/repository.ts';
import { type EgressTarget, toEgressTarget } from '../target.ts';
import type { Credential } from './credential.ts';
import { isUnderAnyPrefix, parseGitRequest, stripGitSuffix } from './git-requests.ts';

export type RepositoryAccessRule = Pick<SessionRepository, 'url' | 'access'>;
export interface GitAccess {
  readonly git: 'read' | 'write';
  /** Undefined: only the session's repositories are allowed. */
  readonly paths?: readonly string[] | undefined;
}

/** Plain HTTP defaults to port 80, to which no credential is sent. */
export function parseUrlTarget(url: string): EgressTarget {
  const { hostname, port, protocol } = new URL(url);
  return toEgressTarget(hostname, port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port));
}

/**
 * Admits git's requests to a session's repositories if the credential's paths allow them. Writes also require `write` from both
 * the credential and the session's access. Also admits reads of other repositories below `paths`, such as submodules.
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
