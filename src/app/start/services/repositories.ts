import type { RecordStore } from '../../../core/contracts/ports.ts';
import { parseServer } from '../../../forges/list.ts';
import type { SandboxService } from '../../../sessions/api/sandboxes.ts';
import type { SessionService } from '../../../sessions/api/sessions.ts';
import type { ServicePermissions } from '../../../sessions/repositories/allowed-services.ts';
import { repositoryService } from '../../../sessions/repositories/repositories.ts';
import { pullRequestService } from '../../../sessions/shipping/pull-requests.ts';
import { forgeTokens } from '../../parts/forge-tokens.ts';
import type { RunningEngine } from '../engine.ts';
import type { Sandboxes } from '../sandboxes.ts';
import type { Startup } from '../startup.ts';

interface RepositoryDeps {
  readonly records: RecordStore;
  readonly sessions: SessionService;
  readonly sandboxes: Pick<Sandboxes, 'credentials' | 'forgeFetch' | 'servicesOf'>;
  readonly power: SandboxService;
  readonly checkSandbox: ServicePermissions['checkSandbox'];
  readonly running: Pick<RunningEngine, 'engine' | 'repositories'>;
}

/** The repositories of sessions, and the pull requests created from them. */
export function openRepositories(
  { config, clock }: Startup,
  {
    records,
    sessions,
    sandboxes: { credentials, forgeFetch, servicesOf },
    power,
    checkSandbox,
    running,
  }: RepositoryDeps,
) {
  const { sandboxes, commands } = running.engine;
  const now = () => clock.now();
  const repositories = repositoryService({
    sandboxes,
    commands,
    known: (id) => sessions.get(id),
    fetches: running.repositories,
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
  const pullRequests = pullRequestService({
    repositories,
    sessions,
    commands,
    records,
    servers: config.forges.servers.map(parseServer),
    tokens: forgeTokens(credentials),
    fetch: forgeFetch,
    now,
  });
  return { repositories, pullRequests };
}
