import { parseUrlTarget } from '../../sandboxes/egress/credentials/repository-credential.ts';
import { matchesTarget } from '../../sandboxes/egress/policy.ts';
import type { ForgeTokenFinder } from '../../sessions/shipping/pull-requests.ts';
import type { ProxyCredentials } from './credentials.ts';

const services = { read: 'git-upload-pack', write: 'git-receive-pack' } as const;

/**
 * Prefers the credential for the host of the forge's API to the one that git would use for the repository. Forges accept the same
 * token for both, so users bind it only once.
 */
export function createForgeTokenFinder(credentials: Pick<ProxyCredentials, 'of'>): ForgeTokenFinder {
  return async (id, { remote, apiUrl, access }) => {
    const all = await credentials.of(id);
    const api = parseUrlTarget(apiUrl);
    const forApi = all.find(
      ({ hosts, isForGit, admits }) => !isForGit && !admits && hosts.some((host) => matchesTarget(host, api)),
    );
    const target = parseUrlTarget(remote);
    const request = `${new URL(remote).pathname}/info/refs?service=${services[access]}`;
    const forGit = all.find(
      ({ hosts, admits }) =>
        hosts.some((host) => matchesTarget(host, target)) && (admits?.('GET', request, target) ?? true),
    );
    return await (forApi ?? forGit)?.value();
  };
}
