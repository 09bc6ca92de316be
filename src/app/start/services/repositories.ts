import { parseForgeServer } from '../../../forges/list.ts';
import { parseUrlTarget } from '../../../sandboxes/egress/credentials/git-requests.ts';
import { matchesTarget } from '../../../sandboxes/egress/policy.ts';
import type { SandboxService } from '../../../sessions/api/sandboxes.ts';
import type { SessionService } from '../../../sessions/api/sessions.ts';
import type { RepositoryServiceDeps } from '../../../sessions/repositories/environments.ts';
import { createRepositoryService } from '../../../sessions/repositories/repositories.ts';
import { createPullRequestService, type ForgeTokenFinder } from '../../../sessions/shipping/pull-requests.ts';
import type { ProxyCredentials } from '../../parts/credentials.ts';
import type { ServerWithEngine } from '../engine.ts';

interface RepositoryDeps extends Pick<RepositoryServiceDeps, 'checkSandbox'> {
  readonly sessions: SessionService;
  readonly power: SandboxService;
}

export function openRepositoryServices(server: ServerWithEngine, { sessions, power, checkSandbox }: RepositoryDeps) {
  const { config, clock, commands, credentials, forgeFetch, servicesOf } = server;
  const now = () => clock.now();
  const repositories = createRepositoryService({
    ...server,
    known: (id) => sessions.get(id),
    fetches: server.repositories,
    author: { name: config.repositories.authorName, email: config.repositories.authorEmail },
    now,
    services: {
      servicesOf,
      checkSandbox,
      power,
      change: (id, change) => commands.change(id, change),
      states: power.services,
    },
  });
  const pullRequests = createPullRequestService({
    ...server,
    repositories,
    sessions,
    servers: config.forges.servers.map(parseForgeServer),
    tokens: createForgeTokenFinder(credentials),
    fetch: forgeFetch,
    now,
  });
  return { repositories, pullRequests };
}

const services = { read: 'git-upload-pack', write: 'git-receive-pack' } as const;

/** Prefers a credential for the API host. Otherwise uses one for git, which the forge's API accepts too. */
function createForgeTokenFinder(credentials: Pick<ProxyCredentials, 'of'>): ForgeTokenFinder {
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
