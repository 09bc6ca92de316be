import { parseForgeServer } from '../../../forges/list.ts';
import type { SandboxService } from '../../../sessions/api/sandboxes.ts';
import type { SessionService } from '../../../sessions/api/sessions.ts';
import type { RepositoryServiceDeps } from '../../../sessions/repositories/allowed-services.ts';
import { createRepositoryService } from '../../../sessions/repositories/repositories.ts';
import { createPullRequestService } from '../../../sessions/shipping/pull-requests.ts';
import { createForgeTokenFinder } from '../../parts/forge-tokens.ts';
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
