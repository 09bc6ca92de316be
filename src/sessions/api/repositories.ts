import { z } from 'zod';
import type { RunId, SessionId } from '../../core/model/ids.ts';
import type { GitAuthor, SessionRepository } from '../../core/model/repository.ts';
import type { EnvironmentCheckResult } from '../../core/model/repository-environment.ts';
import type { ServiceStatus } from '../../core/model/services/recipe.ts';
import { PullRequest, PullRequestCheck, PullRequestComment, PullRequestReview } from '../../forges/forge.ts';
import type { ServiceRules } from './rules.ts';

export const GitChange = z.object({
  path: z.string(), // relative to the repository
  change: z.enum(['added', 'modified', 'deleted', 'renamed']),
  from: z.string().nullable(),
});
export type GitChange = z.infer<typeof GitChange>;
export const RepositoryStatus = z.object({
  branch: z.string().nullable(),
  /** The checked-out commit. Null if there is no commit yet. */
  head: z.string().nullable(),
  ahead: z.int().describe('the commits of `head` that the base commit does not have'),
  commits: z
    .array(z.object({ commit: z.string(), subject: z.string() }))
    .readonly()
    .describe('the newest of the commits that `ahead` counts, newest first, at most 20'),
  files: z.array(GitChange).readonly(),
  truncated: z.boolean(),
});
export type RepositoryStatus = z.infer<typeof RepositoryStatus>;
export const DiffText = z.object({ text: z.string(), truncated: z.boolean() });
export type DiffText = z.infer<typeof DiffText>;
export interface DiffQuery {
  /** `base`: changes since the commit that the session began with. `head`: only uncommitted changes. */
  readonly since: 'base' | 'head';
  readonly file?: string;
}
export interface CommitCommand {
  /** The session's id is added as a trailer. */
  readonly message: string;
  /** Default: the session's user, else the server's configured author. */
  readonly author?: GitAuthor;
  /** Default: all files that .gitignore does not exclude. */
  readonly files?: readonly string[];
  /** A patch against `head`. The commit leaves these changes out. */
  readonly leaveOut?: string;
}
export interface CreatedCommit {
  readonly commit: string;
  readonly branch: string;
}
export interface PushCommand {
  /** The remote branch, by default the local branch's name. Required to push to the base branch. */
  readonly branch?: string;
}
export interface PushedBranch {
  readonly url: string;
  readonly branch: string;
  readonly commit: string;
}

export interface NamedCheckResult extends EnvironmentCheckResult {
  readonly name: string;
  readonly command: string;
}

/**
 * Git runs only in the sandbox, as its user, and ignores the repository's hooks, filters and settings. `path` identifies a
 * repository. Every method but `list` rejects: not_found (no such repository). Every method but `list` and `allowServices`
 * starts a stopped sandbox, and also rejects: conflict (the repository is not ready, or git failed), unsupported (the
 * sandbox has no git), sandbox_unavailable, cancelled.
 *
 * @example
 * const [{ path }] = await repositories.list(id);
 * await repositories.commit(id, path, { message: 'Fix the totals' }, signal);
 * const { branch } = await repositories.push(id, path, {}, signal);
 */
export interface RepositoryService {
  /** Does not start the sandbox. */
  list(id: SessionId): Promise<readonly SessionRepository[]>;
  /** Retries a failed fetch or setup. Rejects: conflict (the repository is usable, or the fetch failed again). */
  fetch(id: SessionId, path: string, signal: AbortSignal): Promise<SessionRepository>;
  status(id: SessionId, path: string, signal: AbortSignal): Promise<RepositoryStatus>;
  diff(id: SessionId, path: string, query: DiffQuery, signal: AbortSignal): Promise<DiffText>;
  /** The commits since the base, for `git am`. Rejects: conflict (no commits), payload_too_large. */
  patch(id: SessionId, path: string, signal: AbortSignal): Promise<string>;
  /** Rejects: conflict (nothing to commit, or no branch is checked out). */
  commit(id: SessionId, path: string, command: CommitCommand, signal: AbortSignal): Promise<CreatedCommit>;
  /**
   * Pushes `head` through the egress proxy, which adds the credential. Rejects: conflict (nothing to push, no branch,
   * or other commits on the remote branch), forbidden (no credential with write access, or a refused host), not_found
   * (no such remote repository), provider_error (the host is unreachable).
   */
  push(id: SessionId, path: string, command: PushCommand, signal: AbortSignal): Promise<PushedBranch>;
  /**
   * Runs the named checks, or all, as defined in `.corral/corral.yaml` when the repository was fetched. Rejects:
   * not_found (no such check), conflict (none defined).
   */
  check(
    id: SessionId,
    path: string,
    names: readonly string[] | undefined,
    signal: AbortSignal,
  ): Promise<readonly NamedCheckResult[]>;
  /**
   * Approves the named services, or all, as defined in `.corral/corral.yaml` when the repository was fetched. Stops a
   * running sandbox. Rejects: not_found (no such service), conflict (none defined, a name in use, or an active run),
   * invalid_request (an image that the operator does not allow), unsupported (the driver cannot run services).
   */
  allowServices(
    id: SessionId,
    path: string,
    names: readonly string[] | undefined,
    signal: AbortSignal,
  ): Promise<readonly ServiceStatus[]>;
}

export const repositoryRules: ServiceRules<RepositoryService> = {
  list: { may: 'read', audit: null },
  fetch: { may: 'work', audit: 'repository.fetch' },
  status: { may: 'read', audit: 'look' },
  diff: { may: 'read', audit: 'look' },
  patch: { may: 'read', audit: 'look' },
  commit: { may: 'work', audit: 'repository.commit' },
  push: { may: 'work', audit: 'repository.push' },
  check: { may: 'work', audit: 'repository.check' },
  allowServices: { may: 'work', audit: 'repository.services' },
};

export interface PullRequestCommand {
  readonly title: string;
  /** Markdown. */
  readonly text: string;
  /** Default: the branch that the session began with, else the repository's default branch. */
  readonly base?: string;
  readonly draft: boolean;
}
/** Read from the forge. Most of the text comes from third parties. */
export const PullRequestDetails = z.object({
  forge: z.object({ name: z.string(), label: z.string(), noun: z.string() }),
  newUrl: z.string().nullable().describe('the page for opening a pull request without Corral'),
  pullRequest: PullRequest.nullable(),
  comments: z.array(PullRequestComment).readonly(),
  reviews: z.array(PullRequestReview).readonly(),
  checks: z.array(PullRequestCheck).readonly(),
  /** Whether the forge has more comments, reviews or checks than were read. */
  isCut: z.boolean(),
  unsent: z.int().describe('the number of comments, reviews and failed checks not yet sent to the agent'),
});
export type PullRequestDetails = z.infer<typeof PullRequestDetails>;
export interface SendFeedbackResult {
  readonly sent: number;
  readonly runId: RunId;
}

/**
 * The server calls the forge with a credential that the session may use, and that the sandbox never sees. Every method
 * rejects: not_found (no such repository, or not on the forge), conflict (the repository is not ready), unsupported
 * (an unknown forge), forbidden (no credential, or the forge refused it), rate_limited, provider_error (the forge
 * failed), deadline_exceeded, cancelled.
 *
 * @example
 * const { url } = await pullRequests.open(id, 'totals', { title: 'Fix the totals', text, draft: false }, signal);
 */
export interface PullRequestService {
  /**
   * Pushes the branch first. If a pull request is already open, returns it. Rejects: conflict (uncommitted changes, or
   * no commit), and as `RepositoryService.push` does.
   */
  open(id: SessionId, path: string, command: PullRequestCommand, signal: AbortSignal): Promise<PullRequest>;
  /** Does not start the sandbox. */
  state(id: SessionId, path: string, signal: AbortSignal): Promise<PullRequestDetails>;
  /**
   * Quotes new comments, reviews and failed checks in one message. Rejects: conflict (nothing new, or no pull request),
   * queue_full.
   */
  sendFeedback(id: SessionId, path: string, signal: AbortSignal): Promise<SendFeedbackResult>;
}

export const pullRequestRules: ServiceRules<PullRequestService> = {
  open: { may: 'work', audit: 'pull-request.open' },
  state: { may: 'read', audit: 'look' },
  sendFeedback: { may: 'work', audit: 'pull-request.feedback' },
};

export const Checkpoint = z.object({
  /** The checkpoint from before the first run has number 0. */
  number: z.int(),
  /** Null if the files are from a restore, or from before the first run. */
  runId: z.string().nullable(),
  seq: z.int().nullable().describe('the end of that run in the log, where the session can be forked'),
  at: z.number(), // epoch ms
  files: z.int().describe('the files that differ from the checkpoint before it'),
});
export type Checkpoint = z.infer<typeof Checkpoint>;
export interface CheckpointDiff extends DiffText {
  /** Sorted by path, relative to the workspace. */
  readonly files: readonly GitChange[];
}
/** Without `to`, `from` is compared with the current files. */
export interface CheckpointRange {
  readonly from: number;
  readonly to?: number;
}

/**
 * A checkpoint precedes the first run, and another follows each run that changed files. Checkpoints omit ignored files.
 * Rejects: session_not_found. Methods that start the sandbox also reject: not_found (no such checkpoint), conflict (git
 * failed), sandbox_unavailable, cancelled.
 */
export interface CheckpointService {
  /** Oldest first. Does not start the sandbox. */
  list(id: SessionId): Promise<readonly Checkpoint[]>;
  diff(id: SessionId, range: CheckpointRange, signal: AbortSignal): Promise<CheckpointDiff>;
  /** Saves a checkpoint first. Rejects: conflict (a run is active), sandbox_lost (the session changed servers). */
  restore(id: SessionId, number: number, signal: AbortSignal): Promise<{ readonly before: number }>;
}

export const checkpointRules: ServiceRules<CheckpointService> = {
  list: { may: 'read', audit: null },
  diff: { may: 'read', audit: 'look' },
  restore: { may: 'work', audit: 'checkpoint.restore' },
};
