import type { PullRequestOpener } from '../../agents/tools/tool.ts';
import { raceAbort } from '../../core/concurrency/cancel.ts';
import { AppError } from '../../core/errors/errors.ts';
import type { SessionId } from '../../core/model/ids.ts';
import type { SessionRepository } from '../../core/model/repository.ts';
import { trimEndCharacters } from '../../core/text/text.ts';
import type { PullRequestService } from '../api/repositories.ts';

type Service = Pick<PullRequestService, 'open'>;

/** Opens pull requests for agents. Calls of a run that continues after a restart wait for the service. */
export class AgentPullRequests {
  readonly #service: Promise<Service>;

  constructor(service: Promise<Service>) {
    this.#service = service;
  }

  createOpener(id: SessionId, repositories: readonly SessionRepository[]): PullRequestOpener {
    return async ({ repository, title, text, base, draft }, signal) => {
      const path = findPath(repositories, repository);
      const service = await raceAbort(this.#service, signal);
      const command = { title, text, draft, ...(base !== undefined && { base }) };
      const opened = await service.open(id, path, command, signal);
      return {
        number: opened.number,
        url: opened.url,
        title: opened.title,
        branch: opened.head.branch,
        base: opened.base,
        draft: opened.draft,
      };
    };
  }
}

/**
 * Finds the path of the repository that the model names by its folder, with or without parent folders. Without a name, finds the
 * only writable one. Throws: invalid_request, not_found.
 */
function findPath(repositories: readonly SessionRepository[], named: string | undefined): string {
  const writable = repositories.filter(({ access }) => access === 'write');
  const message = named === undefined ? undefined : trimEndCharacters(named, '/');
  const found =
    message === undefined ? writable : repositories.filter(({ path }) => `/${message}`.endsWith(`/${path}`));
  const [one, ...others] = found;
  if (one && others.length === 0) return one.path;
  const all = writable.map(({ path }) => path).join(', ');
  if (message === undefined) throw new AppError('invalid_request', `Name one of the repositories: ${all}.`);
  throw new AppError('not_found', `There is no repository in the folder ${message}. Writable repositories: ${all}.`);
}
