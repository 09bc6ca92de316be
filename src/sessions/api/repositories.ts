import type { SessionId } from '../../core/model/ids.ts';
import type { GitPerson, SessionRepository } from '../../core/model/repository.ts';
import type { ServiceRules } from './rules.ts';

/** A file that differs between two states of a repository. */
export interface GitChange {
  readonly path: string; // relative to the repository
  readonly change: 'added' | 'modified' | 'deleted' | 'renamed';
  /** The earlier path of a renamed file. */
  readonly from: string | null;
}
/** The state of a repository in the sandbox. */
export interface RepositoryStatus {
  /** The branch that is checked out; null: none is. */
  readonly branch: string | null;
  /** The commit that is checked out; null: the repository has none yet. */
  readonly head: string | null;
  /** The commits of `head` that the base commit does not have. */
  readonly ahead: number;
  /** The files that no commit has as they are, by path. */
  readonly files: readonly GitChange[];
  readonly truncated: boolean;
}
/** The part of a diff that fits the limit, as git prints it. */
export interface DiffText {
  readonly text: string;
  readonly truncated: boolean;
}
export interface DiffQuery {
  /** Against the commit with which the session began, or against `head`, so that only what is not committed shows. */
  readonly since: 'base' | 'head';
  /** One file alone. */
  readonly file?: string;
}
export interface CommitCommand {
  /** A trailer that names the session is added to it. */
  readonly message: string;
  /** Without one: the person of the session. */
  readonly author?: GitPerson;
  /** Without them: all files that .gitignore does not name. */
  readonly files?: readonly string[];
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

/**
 * The repositories of a session. Git runs in the sandbox alone, as its user, and no hook, filter or setting of the
 * repository counts. `path` names the repository. Every method but `list` starts a sandbox that does not run, and rejects:
 * not_found (no such repository), conflict (it is not ready), unsupported (the sandbox has no git), sandbox_unavailable,
 * cancelled.
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
}

export const repositoryRules: ServiceRules<RepositoryService> = {
  list: { may: 'read', audit: null },
  fetch: { may: 'work', audit: 'repository.fetch' },
  status: { may: 'read', audit: 'look' },
  diff: { may: 'read', audit: 'look' },
  patch: { may: 'read', audit: 'look' },
  commit: { may: 'work', audit: 'repository.commit' },
  push: { may: 'work', audit: 'repository.push' },
};
