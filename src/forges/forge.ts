import { z } from 'zod';

export interface ForgeServer {
  readonly kind: ForgeKind;
  /** Without a trailing slash; may include a path. */
  readonly webUrl: string;
}
export interface ForgeRepository {
  readonly server: ForgeServer;
  /** The owner, or nested groups separated by slashes. */
  readonly owner: string;
  readonly name: string;
}

export interface NewPullRequest {
  readonly title: string;
  readonly text: string;
  readonly head: string;
  readonly base: string;
  readonly draft: boolean;
}
export const PullRequest = z.object({
  number: z.int(),
  title: z.string(),
  text: z.string(),
  state: z.enum(['open', 'closed', 'merged']),
  draft: z.boolean(),
  author: z.string(),
  head: z.object({ branch: z.string(), commit: z.string() }),
  base: z.string(),
  url: z.string(),
  createdAt: z.string(),
  updatedAt: z.string(),
});
export type PullRequest = z.infer<typeof PullRequest>;
export const PullRequestComment = z.object({
  id: z.string(),
  author: z.string(),
  text: z.string(),
  createdAt: z.string(),
  url: z.string().nullable(),
  place: z.object({ path: z.string(), line: z.int().nullable() }).nullable(),
  /** `outdated`: the lines have changed since the comment. Not every forge reports resolved threads. */
  status: z.enum(['open', 'resolved', 'outdated']),
});
export type PullRequestComment = z.infer<typeof PullRequestComment>;
export const PullRequestReview = z.object({
  id: z.string(),
  author: z.string(),
  verdict: z.enum(['approved', 'changes_requested', 'commented', 'dismissed']),
  text: z.string(),
  createdAt: z.string().nullable(),
  url: z.string().nullable(),
});
export type PullRequestReview = z.infer<typeof PullRequestReview>;
export const PullRequestCheck = z.object({
  name: z.string(),
  status: z.enum(['queued', 'running', 'passed', 'failed', 'skipped', 'cancelled', 'neutral']),
  summary: z.string(),
  url: z.string().nullable(),
});
export type PullRequestCheck = z.infer<typeof PullRequestCheck>;
export interface ForgeListResult<Item> {
  readonly items: readonly Item[];
  readonly isCut: boolean;
}

interface Question<Schema extends z.ZodType> {
  readonly answer: Schema;
  readonly query?: Readonly<Record<string, string | number>>;
}
export interface ForgeHttp {
  get<Schema extends z.ZodType>(
    path: string,
    question: Question<Schema>,
    signal: AbortSignal,
  ): Promise<z.output<Schema>>;
  post<Schema extends z.ZodType>(
    path: string,
    question: Question<Schema> & { readonly body: Readonly<Record<string, unknown>> },
    signal: AbortSignal,
  ): Promise<z.output<Schema>>;
  list<Schema extends z.ZodType, Item>(
    path: string,
    question: Question<Schema> & { readonly items: (page: z.output<Schema>) => readonly Item[] },
    signal: AbortSignal,
  ): Promise<ForgeListResult<Item>>;
}
/**
 * One repository, accessed with one credential. Answers contain untrusted text. Every method stops when the signal fires.
 * Rejects only with an AppError: forbidden (the credential is invalid or lacks a permission), not_found, conflict or
 * invalid_request (the forge refused the request), rate_limited, payload_too_large, deadline_exceeded, provider_error (the
 * forge failed, was unreachable, or sent an invalid answer), cancelled.
 */
export interface ForgeClient {
  defaultBranch(signal: AbortSignal): Promise<string>;
  /** Finds the newest pull request from this branch. An open pull request takes precedence. */
  findPullRequest(head: string, signal: AbortSignal): Promise<PullRequest | undefined>;
  /**
   * Rejects: conflict (a pull request is already open, or there is nothing to merge), invalid_request (a branch is not
   * valid).
   */
  openPullRequest(newPullRequest: NewPullRequest, signal: AbortSignal): Promise<PullRequest>;
  pullRequest(number: number, signal: AbortSignal): Promise<PullRequest>;
  /** Oldest first. Excludes notes that the forge writes itself. */
  comments(number: number, signal: AbortSignal): Promise<ForgeListResult<PullRequestComment>>;
  /** Excludes reviews that their authors have not submitted. */
  reviews(number: number, signal: AbortSignal): Promise<ForgeListResult<PullRequestReview>>;
  checks(commit: string, signal: AbortSignal): Promise<ForgeListResult<PullRequestCheck>>;
}

/**
 * One kind of forge. Its settings, requests and links are all derived from this description.
 *
 * @example
 * const forge = github.open(repository, http);
 * const { url } = await forge.openPullRequest(newPullRequest, signal);
 */
export interface ForgeKind<Name extends string = string> {
  readonly name: Name;
  readonly label: string;
  /** Host names of the public servers; `*.host` matches subdomains. */
  readonly hosts: readonly string[];
  /** The forge's term for a pull request. */
  readonly noun: string;
  apiUrl(webUrl: string): string;
  headers(token: string): Readonly<Record<string, string>>;
  newPullRequestUrl(repository: ForgeRepository, branches: { readonly head: string; readonly base: string }): string;
  open(repository: ForgeRepository, http: ForgeHttp): ForgeClient;
}

export const defineForge = <const Name extends string>(kind: ForgeKind<Name>): ForgeKind<Name> => kind;

export const webUrlOf = ({ server, owner, name }: ForgeRepository): string => `${server.webUrl}/${owner}/${name}`;

export const compareByCreatedAt = (
  one: { readonly createdAt: string },
  other: { readonly createdAt: string },
): number => Date.parse(one.createdAt) - Date.parse(other.createdAt);
