import { z } from 'zod';
import {
  compareByCreatedAt,
  defineForge,
  type PullRequestCheck,
  type PullRequestComment,
  type PullRequestReview,
  webUrlOf,
} from './forge.ts';
import {
  createGithubCompatibleMethods,
  deletedUserName,
  GithubComment,
  GithubPull,
  toPullRequest,
  toPullRequestComment,
  toRepositoryPath,
} from './github.ts';

/** `position` is a line in the new file. For a removed line, `position` is 0 and `original_position` is set. */
const LineComment = GithubComment.extend({
  path: z.string(),
  position: z.int().nullish(),
  original_position: z.int().nullish(),
  resolver: GithubComment.shape.user,
});
const Review = z.object({
  id: z.int(),
  user: GithubComment.shape.user,
  body: z.string().nullish(),
  state: z.string(),
  dismissed: z.boolean().optional(),
  comments_count: z.int().optional(),
  html_url: z.string(),
  submitted_at: z.string().nullish(),
});
const Status = z.object({
  context: z.string(),
  status: z.string(),
  description: z.string().nullish(),
  target_url: z.string().nullish(),
});

const perPage = { limit: 50 }; // the default maximum page size of Gitea and Forgejo
const maxReviewsWithComments = 50;

export const gitea = defineForge({
  name: 'gitea',
  label: 'Gitea',
  hosts: ['gitea.com', 'codeberg.org'],
  noun: 'pull request',
  apiUrl: (webUrl) => `${webUrl}/api/v1`,
  headers: (token) => ({ authorization: `token ${token}`, accept: 'application/json' }),
  newPullRequestUrl: (repository, { head, base }) =>
    `${webUrlOf(repository)}/compare/${encodeURI(base)}...${encodeURI(head)}`,
  open({ owner, name }, http) {
    const repo = toRepositoryPath({ owner, name });
    const isOurs = (pull: z.output<typeof GithubPull>, head: string) =>
      pull.head.ref === head && pull.head.repo?.full_name.toLowerCase() === `${owner}/${name}`.toLowerCase();

    async function reviews(number: number, signal: AbortSignal) {
      const path = `${repo}/pulls/${number}/reviews`;
      return await http.list(path, { answer: z.array(Review), query: perPage, items: (page) => page }, signal);
    }
    return {
      ...createGithubCompatibleMethods(repo, http),
      /** The list cannot be filtered by head branch. */
      async findPullRequest(head, signal) {
        const query = { ...perPage, state: 'all', sort: 'recentupdate' };
        const items = (page: readonly z.output<typeof GithubPull>[]) => page.filter((pull) => isOurs(pull, head));
        const { items: found } = await http.list(
          `${repo}/pulls`,
          { answer: z.array(GithubPull), query, items },
          signal,
        );
        const newest = found.map(toPullRequest).sort((one, other) => other.number - one.number);
        return newest.find(({ state }) => state === 'open') ?? newest[0];
      },
      async openPullRequest({ title, text, head, base, draft }, signal) {
        const body = { title: draft ? `WIP: ${title}` : title, body: text, head, base };
        return toPullRequest(await http.post(`${repo}/pulls`, { answer: GithubPull, body }, signal));
      },
      /** Comments on lines are listed per review. */
      async comments(number, signal) {
        const [onWhole, ofReviews] = await Promise.all([
          http.get(`${repo}/issues/${number}/comments`, { answer: z.array(GithubComment) }, signal),
          reviews(number, signal),
        ]);
        const withComments = ofReviews.items.filter(
          ({ comments_count, state }) => comments_count !== 0 && state !== 'PENDING',
        );
        const onLines: PullRequestComment[] = [];
        for (const { id } of withComments.slice(-maxReviewsWithComments)) {
          const path = `${repo}/pulls/${number}/reviews/${id}/comments`;
          onLines.push(...(await http.get(path, { answer: z.array(LineComment) }, signal)).map(toLineComment));
        }
        return {
          items: [...onWhole.map(toPullRequestComment), ...onLines].sort(compareByCreatedAt),
          isCut: ofReviews.isCut || withComments.length > maxReviewsWithComments,
        };
      },
      async reviews(number, signal) {
        const { items, isCut } = await reviews(number, signal);
        return { items: items.flatMap(toReviews), isCut };
      },
      async checks(commit, signal) {
        const path = `${repo}/commits/${encodeURIComponent(commit)}/status`;
        const answer = z.object({ statuses: z.array(Status).nullable() });
        const items = (page: z.output<typeof answer>) => (page.statuses ?? []).map(checkOf);
        return await http.list(path, { answer, query: perPage, items }, signal);
      },
    };
  },
});

const toLineComment = (comment: z.output<typeof LineComment>): PullRequestComment => ({
  ...toPullRequestComment(comment),
  place: { path: comment.path, line: comment.position || comment.original_position || null },
  status: comment.resolver ? 'resolved' : 'open',
});

const verdicts: Readonly<Record<string, PullRequestReview['verdict']>> = {
  APPROVED: 'approved',
  REQUEST_CHANGES: 'changes_requested',
  COMMENT: 'commented',
};
function toReviews(review: z.output<typeof Review>): PullRequestReview[] {
  const verdict = verdicts[review.state];
  if (!verdict) return []; // PENDING, REQUEST_REVIEW
  return [
    {
      id: `review-${review.id}`,
      author: review.user?.login ?? deletedUserName,
      verdict: review.dismissed ? 'dismissed' : verdict,
      text: review.body ?? '',
      createdAt: review.submitted_at ?? null,
      url: review.html_url,
    },
  ];
}

const statuses: Readonly<Record<string, PullRequestCheck['status']>> = {
  success: 'passed',
  failure: 'failed',
  error: 'failed',
  pending: 'running',
  skipped: 'skipped',
};
const checkOf = ({ context, status, description, target_url }: z.output<typeof Status>): PullRequestCheck => ({
  name: context,
  status: statuses[status] ?? 'neutral', // a warning is not a failure
  summary: description ?? '',
  url: target_url || null,
});
