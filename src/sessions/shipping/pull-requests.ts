import { z } from 'zod';
import { createKeyedQueue } from '../../core/concurrency/keyed-queue.ts';
import type { RecordStore } from '../../core/contracts/ports.ts';
import { AppError } from '../../core/errors/errors.ts';
import type { SessionId } from '../../core/model/ids.ts';
import { findPushObstacle, type SessionRepository } from '../../core/model/repository.ts';
import type { Secret } from '../../core/text/secret.ts';
import type { ForgeClient, ForgeRepository, ForgeServer, PullRequest } from '../../forges/forge.ts';
import { createForgeHttp, type ForgeFetch } from '../../forges/forge-http.ts';
import { parseRepositoryUrl } from '../../forges/list.ts';
import type { PullRequestDetails, PullRequestService, RepositoryService } from '../api/repositories.ts';
import type { SessionService } from '../api/sessions.ts';
import type { SessionCommands } from '../engine/session-commands.ts';
import { type FeedbackItem, formatFeedbackMessage, toFeedbackItems } from './feedback-message.ts';

export type ForgeTokenFinder = (
  id: SessionId,
  requested: { readonly remote: string; readonly apiUrl: string; readonly access: 'read' | 'write' },
) => Promise<Secret | undefined>;
interface Deps {
  readonly repositories: Pick<RepositoryService, 'list' | 'status' | 'push'>;
  readonly sessions: Pick<SessionService, 'send'>;
  readonly commands: Pick<SessionCommands, 'tell'>;
  readonly records: RecordStore;
  readonly servers: readonly ForgeServer[];
  readonly tokens: ForgeTokenFinder;
  readonly fetch: ForgeFetch;
  readonly now: () => number; // epoch ms
}
interface ShippableRepository {
  readonly repository: SessionRepository & { readonly branch: string };
  readonly at: ForgeRepository;
  readonly forge: ForgeClient;
}

// Ids start with the session's id, so a record is deleted with its session's log.
const kind = 'sent-feedback';
const Sent = z.object({ keys: z.array(z.string()) });
const maxKept = 2_000;

export function createPullRequestService(deps: Deps): PullRequestService {
  const { repositories, sessions, commands, records, servers, tokens, fetch, now } = deps;

  async function openForge(id: SessionId, path: string, access: 'read' | 'write'): Promise<ShippableRepository> {
    const repository = (await repositories.list(id)).find((one) => one.path === path);
    if (!repository) throw new AppError('not_found', `The session has no repository in the folder ${path}.`);
    const { branch, url } = repository;
    if (branch === null || repository.state !== 'ready')
      throw new AppError('conflict', `The repository ${path} is not fetched, so it has no branch yet.`);
    const refused = access === 'write' ? findPushObstacle(repository) : undefined;
    if (refused !== undefined) throw new AppError('forbidden', refused);
    const at = parseRepositoryUrl(url, servers);
    if (!at) {
      const { host } = new URL(url);
      const text = host
        ? `Pull requests are not set up for ${host}. Push the branch or download the patch. To open pull requests here, add the host to forges.servers, such as gitea=https://${host}.`
        : `${url} is a folder, which has no pull requests. Download the patch.`;
      throw new AppError('unsupported', text);
    }
    const apiUrl = at.server.kind.apiUrl(at.server.webUrl);
    const token = await tokens(id, { remote: url, apiUrl, access });
    if (!token) {
      const text = `No credential of this session can ${access} ${url}. Bind one for ${new URL(apiUrl).host}, or one for git of ${new URL(url).host}.`;
      throw new AppError('forbidden', text);
    }
    const forge = at.server.kind.open(at, createForgeHttp({ server: at.server, token, fetch, now }));
    return { repository: { ...repository, branch }, at, forge };
  }

  const sending = createKeyedQueue();
  const recordOf = (id: SessionId, path: string) => `${id}:${path}`;
  async function sentKeys(id: SessionId, path: string): Promise<readonly string[]> {
    const found = await records.get(kind, recordOf(id, path));
    return found ? Sent.parse(found.doc).keys : [];
  }

  async function read(id: SessionId, path: string, signal: AbortSignal) {
    const { repository, at, forge } = await openForge(id, path, 'read');
    const { kind: of } = at.server;
    const pullRequest = (await forge.findPullRequest(repository.branch, signal)) ?? null;
    const base = repository.baseBranch;
    const about = {
      forge: { name: of.name, label: of.label, noun: of.noun },
      newUrl: base === null ? null : of.newPullRequestUrl(at, { head: repository.branch, base }),
      pullRequest,
    };
    if (!pullRequest) {
      const nothing = { comments: [], reviews: [], checks: [], isCut: false, unsent: 0 };
      return { state: { ...about, ...nothing } satisfies PullRequestDetails, fresh: [] as FeedbackItem[] };
    }
    const [comments, reviews, checks, sent] = await Promise.all([
      forge.comments(pullRequest.number, signal),
      forge.reviews(pullRequest.number, signal),
      pullRequest.head.commit === '' ? { items: [], isCut: false } : forge.checks(pullRequest.head.commit, signal),
      sentKeys(id, path),
    ]);
    const found = { comments: comments.items, reviews: reviews.items, checks: checks.items };
    const fresh = toFeedbackItems({ pullRequest, ...found }).filter(({ key }) => !sent.includes(key));
    const isCut = comments.isCut || reviews.isCut || checks.isCut;
    return { state: { ...about, ...found, isCut, unsent: fresh.length } satisfies PullRequestDetails, fresh };
  }

  return {
    async open(id, path, { title, text, base, draft }, signal) {
      const { repository, forge } = await openForge(id, path, 'write');
      const { files } = await repositories.status(id, path, signal);
      if (files.length > 0) {
        const some = `${files.length} ${files.length === 1 ? 'file has' : 'files have'}`;
        throw new AppError('conflict', `${some} uncommitted changes. Commit or undo them first.`);
      }
      const { branch, commit } = await repositories.push(id, path, {}, signal);
      const known = await forge.findPullRequest(branch, signal);
      if (known?.state === 'open') return known;
      const into = base ?? repository.baseBranch ?? (await forge.defaultBranch(signal));
      const opened = await forge.openPullRequest({ title, text, head: branch, base: into, draft }, signal);
      commands.tell(id, { type: 'repository', data: openedFact(repository, opened, commit) });
      return opened;
    },

    async state(id, path, signal) {
      return (await read(id, path, signal)).state;
    },

    /** Serialized, so that concurrent calls send each item once. */
    sendFeedback: (id, path, signal) =>
      sending(recordOf(id, path), async () => {
        const { state, fresh } = await read(id, path, signal);
        if (!state.pullRequest) throw new AppError('conflict', `The branch of ${path} has no pull request yet.`);
        if (fresh.length === 0) throw new AppError('conflict', 'The session has already received all feedback.');
        const { runId } = await sessions.send(id, {
          text: formatFeedbackMessage(state.pullRequest, fresh),
          mode: 'queue',
        });
        const keys = [...(await sentKeys(id, path)), ...fresh.map(({ key }) => key)].slice(-maxKept);
        await records.put({ kind, id: recordOf(id, path), doc: { keys }, sort: now() });
        return { sent: fresh.length, runId };
      }),
  };
}

function openedFact({ url, path }: SessionRepository, { number, url: page, head }: PullRequest, commit: string) {
  const detail = `Opened pull request #${number}: ${page}`;
  return { kind: 'proposed' as const, url, path, detail, branch: head.branch, commit };
}
