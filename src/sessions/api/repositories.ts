import { z } from 'zod';
import type { RunId, SessionId } from '../../core/model/ids.ts';
import type { GitPerson, SessionRepository } from '../../core/model/repository.ts';
import type { CheckResult } from '../../core/model/repository-environment.ts';
import type { ServiceStatus } from '../../core/model/services/recipe.ts';
import { PullRequest, PullRequestCheck, PullRequestComment, PullRequestReview } from '../../forges/forge.ts';
import type { ServiceRules } from './rules.ts';

/** A file that differs between two states of a repository. */
export const GitChange = z.object({
  path: z.string(), // relative to the repository
  change: z.enum(['added', 'modified', 'deleted', 'renamed']),
  /** The earlier path of a renamed file. */
  from: z.string().nullable(),
});
export type GitChange = z.infer<typeof GitChange>;
/** The state of a repository in the sandbox. */
export const RepositoryStatus = z.object({
  /** The checked-out branch; null: none. */
  branch: z.string().nullable(),
  /** The commit that is checked out; null: the repository has none yet. */
  head: z.string().nullable(),
  ahead: z.int().describe('the commits of `head` that the base commit does not have'),
  /** The files that no commit has as they are, by path. */
  files: z.array(GitChange).readonly(),
  truncated: z.boolean(),
});
export type RepositoryStatus = z.infer<typeof RepositoryStatus>;
/** The part of a diff that fits the limit, as git prints it. */
export const DiffText = z.object({ text: z.string(), truncated: z.boolean() });
export type DiffText = z.infer<typeof DiffText>;
export interface DiffQuery {
  /** Since the commit with which the session began, or since `head`, so that only uncommitted changes show. */
  readonly since: 'base' | 'head';
  /** Only one file. */
  readonly file?: string;
}
export interface CommitCommand {
  /** A trailer that names the session is added to it. */
  readonly message: string;
  /** Without one: the person of the session. */
  readonly author?: GitPerson;
  /** Without them: all files that .gitignore does not name. */
  readonly files?: readonly string[];
  /** A patch against `head` of changes in these files that stay uncommitted. */
  readonly leaveOut?: string;
}
export interface MadeCommit {
  readonly commit: string;
  readonly branch: string;
}
export interface PushCommand {
  /** The branch's name there; without one: the name here. Never the base branch unless it is named. */
  readonly branch?: string;
}
export interface PushedBranch {
  readonly url: string;
  readonly branch: string;
  readonly commit: string;
}

export interface RanCheck extends CheckResult {
  readonly name: string;
  readonly command: string;
}

/**
 * The repositories of a session. Git runs only in the sandbox, as its user, and ignores hooks, filters and settings of
 * the repository. `path` names the repository. Every method but `list` starts a sandbox that does not run, and rejects:
 * not_found (no such repository), conflict (it is not ready), unsupported (the sandbox has no git),
 * sandbox_unavailable, cancelled.
 *
 * @example
 * const [{ path }] = await repositories.list(id);
 * await repositories.commit(id, path, { message: 'Fix the totals' }, signal);
 * const { branch } = await repositories.push(id, path, {}, signal);
 */
export interface RepositoryService {
  /** From the record; a sandbox that does not run stays so. */
  list(id: SessionId): Promise<readonly SessionRepository[]>;
  /** Fetches one that is not ready again, such as after its credential was bound. Rejects: conflict (it is ready). */
  fetch(id: SessionId, path: string, signal: AbortSignal): Promise<SessionRepository>;
  status(id: SessionId, path: string, signal: AbortSignal): Promise<RepositoryStatus>;
  diff(id: SessionId, path: string, query: DiffQuery, signal: AbortSignal): Promise<DiffText>;
  /** The commits since the base as a mailbox for `git am`. Rejects: payload_too_large. */
  patch(id: SessionId, path: string, signal: AbortSignal): Promise<string>;
  /** Rejects: conflict (nothing to commit, or no branch is checked out). */
  commit(id: SessionId, path: string, command: CommitCommand, signal: AbortSignal): Promise<MadeCommit>;
  /**
   * Pushes `head` to the repository's own URL through the egress proxy, which adds the credential. Rejects: conflict
   * (nothing to push, or the other side has other commits), forbidden (no credential can write there).
   */
  push(id: SessionId, path: string, command: PushCommand, signal: AbortSignal): Promise<PushedBranch>;
  /**
   * Runs the commands that `.corral/corral.yaml` had as checks when the repository was fetched: all, or the named ones.
   * Rejects: not_found (no such check), conflict (the repository names none).
   */
  check(
    id: SessionId,
    path: string,
    names: readonly string[] | undefined,
    signal: AbortSignal,
  ): Promise<readonly RanCheck[]>;
  /**
   * A person allows the services that `.corral/corral.yaml` had when the repository was fetched: all, or the named ones. They
   * start with the next sandbox, so one that runs is ended and keeps its files. Does nothing for services that the session has.
   * Rejects: not_found (no such service), conflict (the repository names none, the session has another one of that name, or a
   * run is at work), invalid_request (the operator does not allow an image), unsupported (no services run here).
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
  /** The branch that receives the work; without one: that with which the session began, else that of the repository. */
  readonly base?: string;
  readonly draft: boolean;
}
/** The pull request of a session's branch, as its forge has it now. Other people wrote most of it. */
export const PullRequestState = z.object({
  /** `noun`: the name of a pull request there. */
  forge: z.object({ name: z.string(), label: z.string(), noun: z.string() }),
  newUrl: z.string().nullable().describe('the page on which a person opens it without Corral'),
  /** Null: there is none yet. */
  pullRequest: PullRequest.nullable(),
  comments: z.array(PullRequestComment).readonly(),
  reviews: z.array(PullRequestReview).readonly(),
  checks: z.array(PullRequestCheck).readonly(),
  /** The forge has more than was read. */
  isCut: z.boolean(),
  unsent: z.int().describe('what the agent has not been sent of it'),
});
export type PullRequestState = z.infer<typeof PullRequestState>;
export interface SentFeedback {
  readonly sent: number;
  readonly runId: RunId;
}

/**
 * Pull requests of a session's repositories. The server asks the forge itself, with a credential that the session may use; no
 * sandbox sees it. Every method rejects: not_found (no such repository, or not at the forge), conflict (it is not ready),
 * unsupported (its host is no known forge), forbidden (no credential, or the forge refused it), rate_limited, provider_error
 * (the forge failed), deadline_exceeded, cancelled.
 *
 * @example
 * const { url } = await pullRequests.open(id, 'totals', { title: 'Fix the totals', text, draft: false }, signal);
 */
export interface PullRequestService {
  /**
   * Pushes the branch, and opens a pull request for it; one that is open already gets the new commits and is the answer.
   * Rejects: conflict (files without a commit, or no commit), and as `push` of a repository does.
   */
  open(id: SessionId, path: string, command: PullRequestCommand, signal: AbortSignal): Promise<PullRequest>;
  /** Starts no sandbox. */
  state(id: SessionId, path: string, signal: AbortSignal): Promise<PullRequestState>;
  /**
   * Sends comments, reviews and failed checks that are new to the session, as one message that quotes them.
   * Rejects: conflict (nothing is new, or there is no pull request), queue_full.
   */
  sendFeedback(id: SessionId, path: string, signal: AbortSignal): Promise<SentFeedback>;
}

export const pullRequestRules: ServiceRules<PullRequestService> = {
  open: { may: 'work', audit: 'pull-request.open' },
  state: { may: 'read', audit: 'look' },
  sendFeedback: { may: 'work', audit: 'pull-request.feedback' },
};

/** The files of a workspace as one run left them. */
export const Checkpoint = z.object({
  /** 0: before the first run. */
  number: z.int(),
  /** The run that left these files; null: a restore, or before the first run. */
  runId: z.string().nullable(),
  seq: z.int().nullable().describe('the end of that run in the log, where the session can be forked'),
  at: z.number(), // epoch ms
  files: z.int().describe('the files that differ from the checkpoint before it'),
});
export type Checkpoint = z.infer<typeof Checkpoint>;
export interface CheckpointDiff extends DiffText {
  /** By path, relative to the workspace. */
  readonly files: readonly GitChange[];
}
/** Two checkpoints; without `to`: the files as they are now. */
export interface CheckpointRange {
  readonly from: number;
  readonly to?: number;
}

/**
 * The checkpoints of a session: one after each run that changed files. They stand next to the repositories, so no index,
 * branch or setting of these counts or changes. Files that .gitignore names are in none. Every method also rejects with
 * session_not_found; those that look into the sandbox start it, and reject: not_found (no such checkpoint), conflict (a
 * run is at work), sandbox_unavailable, cancelled.
 */
export interface CheckpointService {
  /** Oldest first. A stopped sandbox stays stopped. */
  list(id: SessionId): Promise<readonly Checkpoint[]>;
  diff(id: SessionId, range: CheckpointRange, signal: AbortSignal): Promise<CheckpointDiff>;
  /**
   * Gives the workspace the files of a checkpoint. The files of before are a checkpoint too, so that a restore can be
   * taken back.
   */
  restore(id: SessionId, number: number, signal: AbortSignal): Promise<{ readonly before: number }>;
}

export const checkpointRules: ServiceRules<CheckpointService> = {
  list: { may: 'read', audit: null },
  diff: { may: 'read', audit: 'look' },
  restore: { may: 'work', audit: 'checkpoint.restore' },
};
