import { z } from 'zod';
import {
  compareByCreatedAt,
  defineForge,
  type ForgeClient,
  type ForgeHttp,
  type ForgeRepository,
  type PullRequest,
  type PullRequestCheck,
  type PullRequestReview,
  webUrlOf,
} from './forge.ts';

const User = z.object({ login: z.string() }).nullish();
export const GithubPull = z.object({
  number: z.int(),
  title: z.string(),
  body: z.string().nullish(),
  state: z.string(),
  merged: z.boolean().nullish(), // absent from GitHub's lists
  merged_at: z.string().nullish(),
  draft: z.boolean().optional(),
  user: User,
  head: z.object({
    ref: z.string(),
    sha: z.string(),
    repo: z.object({ full_name: z.string() }).nullish(),
  }),
  base: z.object({ ref: z.string() }),
  html_url: z.string(),
  created_at: z.string(),
  updated_at: z.string(),
});
export const GithubComment = z.object({
  id: z.int(),
  user: User,
  body: z.string().nullish(),
  created_at: z.string(),
  html_url: z.string(),
});
const LineComment = GithubComment.extend({
  path: z.string(),
  line: z.int().nullish(),
  original_line: z.int().nullish(),
  /** A `file` comment has no line but is not outdated. */
  subject_type: z.string().optional(),
});
const Review = z.object({
  id: z.int(),
  user: User,
  body: z.string().nullable(),
  state: z.string(),
  html_url: z.string(),
  submitted_at: z.string().optional(),
});
const CheckRun = z.object({
  name: z.string(),
  status: z.string(),
  conclusion: z.string().nullable(),
  html_url: z.string().nullable(),
  output: z.object({ title: z.string().nullable(), summary: z.string().nullable() }),
});
const Status = z.object({
  context: z.string(),
  state: z.string(),
  description: z.string().nullable(),
  target_url: z.string().nullable(),
});

export const deletedUserName = 'ghost'; // GitHub's own name for a deleted account
const perPage = { per_page: 100 };

export const github = defineForge({
  name: 'github',
  label: 'GitHub',
  hosts: ['github.com', '*.ghe.com'],
  noun: 'pull request',
  apiUrl(webUrl) {
    const { protocol, host } = new URL(webUrl);
    return /(^|[.])(github|ghe)[.]com$/.test(host) ? `${protocol}//api.${host}` : `${webUrl}/api/v3`;
  },
  headers: (token) => ({
    authorization: `Bearer ${token}`,
    accept: 'application/vnd.github+json',
    'x-github-api-version': '2022-11-28',
  }),
  newPullRequestUrl: (repository, { head, base }) =>
    `${webUrlOf(repository)}/compare/${encodeURI(base)}...${encodeURI(head)}?expand=1`,
  open({ owner, name }, http) {
    const repo = toRepositoryPath({ owner, name });
    return {
      ...createGithubCompatibleMethods(repo, http),
      async findPullRequest(head, signal) {
        const query = { head: `${owner}:${head}`, state: 'all', sort: 'created', direction: 'desc', per_page: 20 };
        const found = (await http.get(`${repo}/pulls`, { answer: z.array(GithubPull), query }, signal)).map(
          toPullRequest,
        );
        return found.find(({ state }) => state === 'open') ?? found[0];
      },
      async openPullRequest({ title, text, head, base, draft }, signal) {
        const body = { title, body: text, head, base, draft };
        return toPullRequest(await http.post(`${repo}/pulls`, { answer: GithubPull, body }, signal));
      },
      async comments(number, signal) {
        const [onWhole, onLines] = await Promise.all([
          http.list(
            `${repo}/issues/${number}/comments`,
            {
              answer: z.array(GithubComment),
              query: perPage,
              items: (page) => page.map((one) => toPullRequestComment(one)),
            },
            signal,
          ),
          http.list(
            `${repo}/pulls/${number}/comments`,
            { answer: z.array(LineComment), query: perPage, items: (page) => page.map(toLineComment) },
            signal,
          ),
        ]);
        const items = [...onWhole.items, ...onLines.items].sort(compareByCreatedAt);
        return { items, isCut: onWhole.isCut || onLines.isCut };
      },
      async reviews(number, signal) {
        const items = (page: readonly z.output<typeof Review>[]) => page.flatMap(toReviews);
        return await http.list(
          `${repo}/pulls/${number}/reviews`,
          { answer: z.array(Review), query: perPage, items },
          signal,
        );
      },
      /** Apps create check runs; older services set statuses. */
      async checks(commit, signal) {
        const of = `${repo}/commits/${encodeURIComponent(commit)}`;
        const runs = z.object({ check_runs: z.array(CheckRun) });
        const statuses = z.object({ statuses: z.array(Status) });
        const [byApps, byServices] = await Promise.all([
          http.list(
            `${of}/check-runs`,
            { answer: runs, query: perPage, items: ({ check_runs }) => check_runs.map(checkOfRun) },
            signal,
          ),
          http.list(
            `${of}/status`,
            { answer: statuses, query: perPage, items: (page) => page.statuses.map(checkOfStatus) },
            signal,
          ),
        ]);
        return { items: [...byApps.items, ...byServices.items], isCut: byApps.isCut || byServices.isCut };
      },
    };
  },
});

export const toRepositoryPath = ({ owner, name }: Pick<ForgeRepository, 'owner' | 'name'>): string =>
  `/repos/${encodeURIComponent(owner)}/${encodeURIComponent(name)}`;

export const createGithubCompatibleMethods = (
  path: string,
  http: ForgeHttp,
): Pick<ForgeClient, 'defaultBranch' | 'pullRequest'> => ({
  async defaultBranch(signal) {
    const answer = z.object({ default_branch: z.string() });
    return (await http.get(path, { answer }, signal)).default_branch;
  },
  async pullRequest(number, signal) {
    return toPullRequest(await http.get(`${path}/pulls/${number}`, { answer: GithubPull }, signal));
  },
});

export function toPullRequest(pull: z.output<typeof GithubPull>): PullRequest {
  return {
    number: pull.number,
    title: pull.title,
    text: pull.body ?? '',
    state: pull.merged || pull.merged_at ? 'merged' : pull.state === 'open' ? 'open' : 'closed',
    draft: pull.draft ?? false,
    author: pull.user?.login ?? deletedUserName,
    head: { branch: pull.head.ref, commit: pull.head.sha },
    base: pull.base.ref,
    url: pull.html_url,
    createdAt: pull.created_at,
    updatedAt: pull.updated_at,
  };
}

export const toPullRequestComment = ({ id, user, body, created_at, html_url }: z.output<typeof GithubComment>) => ({
  id: `comment-${id}`,
  author: user?.login ?? deletedUserName,
  text: body ?? '',
  createdAt: created_at,
  url: html_url,
  place: null,
  status: 'open' as const,
});

function toLineComment(comment: z.output<typeof LineComment>) {
  const { path, line, original_line, subject_type } = comment;
  const isOutdated = (line ?? null) === null && subject_type !== 'file';
  return {
    ...toPullRequestComment(comment),
    id: `line-${comment.id}`,
    place: { path, line: line ?? original_line ?? null },
    status: isOutdated ? ('outdated' as const) : ('open' as const),
  };
}

const verdicts: Readonly<Record<string, PullRequestReview['verdict']>> = {
  APPROVED: 'approved',
  CHANGES_REQUESTED: 'changes_requested',
  COMMENTED: 'commented',
  DISMISSED: 'dismissed',
};
function toReviews({ id, user, body, state, html_url, submitted_at }: z.output<typeof Review>): PullRequestReview[] {
  const verdict = verdicts[state];
  if (!verdict) return []; // PENDING
  const author = user?.login ?? deletedUserName;
  return [{ id: `review-${id}`, author, verdict, text: body ?? '', createdAt: submitted_at ?? null, url: html_url }];
}

const conclusions: Readonly<Record<string, PullRequestCheck['status']>> = {
  success: 'passed',
  failure: 'failed',
  timed_out: 'failed',
  action_required: 'failed',
  startup_failure: 'failed',
  cancelled: 'cancelled',
  skipped: 'skipped',
};
const checkOfRun = ({ name, status, conclusion, html_url, output }: z.output<typeof CheckRun>): PullRequestCheck => ({
  name,
  status:
    status === 'completed'
      ? (conclusions[conclusion ?? ''] ?? 'neutral')
      : status === 'in_progress'
        ? 'running'
        : 'queued',
  summary: [output.title, output.summary].filter(Boolean).join('\n\n'),
  url: html_url,
});

const states: Readonly<Record<string, PullRequestCheck['status']>> = {
  success: 'passed',
  failure: 'failed',
  error: 'failed',
  pending: 'running',
};
const checkOfStatus = ({ context, state, description, target_url }: z.output<typeof Status>): PullRequestCheck => ({
  name: context,
  status: states[state] ?? 'neutral',
  summary: description ?? '',
  url: target_url,
});
