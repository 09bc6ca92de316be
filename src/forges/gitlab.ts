import { z } from 'zod';
import {
  compareByCreatedAt,
  defineForge,
  type PullRequest,
  type PullRequestCheck,
  type PullRequestComment,
  type PullRequestReview,
  webUrlOf,
} from './forge.ts';

const User = z.object({ username: z.string() });
const MergeRequest = z.object({
  iid: z.int(),
  title: z.string(),
  description: z.string().nullable(),
  state: z.string(),
  draft: z.boolean().optional(),
  author: User.nullable(),
  source_branch: z.string(),
  target_branch: z.string(),
  /** Null until GitLab has inspected the branch. */
  sha: z.string().nullable(),
  web_url: z.string(),
  created_at: z.string(),
  updated_at: z.string(),
});
const Note = z.object({
  id: z.int(),
  body: z.string(),
  author: User.nullable(),
  created_at: z.string(),
  /** Whether GitLab itself wrote the note (for example, "added 1 commit"). */
  system: z.boolean(),
  resolved: z.boolean().optional(),
  position: z
    .object({
      new_path: z.string().nullish(),
      new_line: z.int().nullish(),
      old_path: z.string().nullish(),
      old_line: z.int().nullish(),
    })
    .nullish(),
});
const Discussion = z.object({ notes: z.array(Note).nullable() });
const Reviewer = z.object({ user: User, state: z.string(), created_at: z.string().nullish() });
const Approvals = z.object({
  approved_by: z.array(z.object({ user: User, approved_at: z.string().nullish() })).nullable(),
});
const Status = z.object({
  name: z.string(),
  status: z.string(),
  allow_failure: z.boolean().optional(),
  description: z.string().nullish(),
  target_url: z.string().nullish(),
});

const perPage = { per_page: 100 };

export const gitlab = defineForge({
  name: 'gitlab',
  label: 'GitLab',
  hosts: ['gitlab.com'],
  noun: 'merge request',
  apiUrl: (webUrl) => `${webUrl}/api/v4`,
  headers: (token) => ({ authorization: `Bearer ${token}`, accept: 'application/json' }),
  newPullRequestUrl(repository, { head, base }) {
    const requested = { 'merge_request[source_branch]': head, 'merge_request[target_branch]': base };
    return `${webUrlOf(repository)}/-/merge_requests/new?${new URLSearchParams(requested)}`;
  },
  open({ owner, name }, http) {
    const project = `/projects/${encodeURIComponent(`${owner}/${name}`)}`;
    const requests = `${project}/merge_requests`;
    return {
      async defaultBranch(signal) {
        const answer = z.object({ default_branch: z.string() });
        return (await http.get(project, { answer }, signal)).default_branch;
      },
      async findPullRequest(head, signal) {
        const query = { source_branch: head, state: 'all', order_by: 'created_at', sort: 'desc', per_page: 20 };
        const found = (await http.get(requests, { answer: z.array(MergeRequest), query }, signal)).map(toPullRequest);
        return found.find(({ state }) => state === 'open') ?? found[0];
      },
      async openPullRequest({ title, text, head, base, draft }, signal) {
        const body = {
          title: draft ? `Draft: ${title}` : title,
          description: text,
          source_branch: head,
          target_branch: base,
        };
        return toPullRequest(await http.post(requests, { answer: MergeRequest, body }, signal));
      },
      async pullRequest(number, signal) {
        return toPullRequest(await http.get(`${requests}/${number}`, { answer: MergeRequest }, signal));
      },
      async comments(number, signal) {
        const { web_url } = await http.get(`${requests}/${number}`, { answer: MergeRequest }, signal);
        const items = (page: readonly z.output<typeof Discussion>[]) =>
          page.flatMap(({ notes }) =>
            (notes ?? []).filter(({ system }) => !system).map((note) => toComment(note, web_url)),
          );
        const answer = z.array(Discussion);
        const found = await http.list(`${requests}/${number}/discussions`, { answer, query: perPage, items }, signal);
        return { ...found, items: found.items.toSorted(compareByCreatedAt) };
      },
      /** GitLab reports the time of approvals, but only the state of other reviews. */
      async reviews(number, signal) {
        const [{ approved_by }, reviewers] = await Promise.all([
          http.get(`${requests}/${number}/approvals`, { answer: Approvals }, signal),
          http.get(`${requests}/${number}/reviewers`, { answer: z.array(Reviewer) }, signal),
        ]);
        const approvals = (approved_by ?? []).map(({ user, approved_at }) => ({
          ...reviewBy(user.username, 'approved'),
          createdAt: approved_at ?? null,
        }));
        const authors = new Set(approvals.map(({ author }) => author));
        const others = reviewers.flatMap(({ user, state }) => {
          const verdict = verdicts[state];
          return verdict && !authors.has(user.username) ? [reviewBy(user.username, verdict)] : [];
        });
        return { items: [...approvals, ...others], isCut: false };
      },
      async checks(commit, signal) {
        const path = `${project}/repository/commits/${encodeURIComponent(commit)}/statuses`;
        const items = (page: readonly z.output<typeof Status>[]) => page.map(checkOf);
        return await http.list(path, { answer: z.array(Status), query: perPage, items }, signal);
      },
    };
  },
});

function toPullRequest(request: z.output<typeof MergeRequest>): PullRequest {
  const { state } = request;
  return {
    number: request.iid,
    title: request.title,
    text: request.description ?? '',
    state: state === 'opened' || state === 'locked' ? 'open' : state === 'merged' ? 'merged' : 'closed',
    draft: request.draft ?? false,
    author: request.author?.username ?? 'ghost',
    head: { branch: request.source_branch, commit: request.sha ?? '' },
    base: request.target_branch,
    url: request.web_url,
    createdAt: request.created_at,
    updatedAt: request.updated_at,
  };
}

function toComment({ id, body, author, created_at, resolved, position }: z.output<typeof Note>, webUrl: string) {
  const path = position?.new_path ?? position?.old_path;
  const comment: PullRequestComment = {
    id: `note-${id}`,
    author: author?.username ?? 'ghost',
    text: body,
    createdAt: created_at,
    url: `${webUrl}#note_${id}`,
    place: path ? { path, line: position?.new_line ?? position?.old_line ?? null } : null,
    status: resolved ? 'resolved' : 'open',
  };
  return comment;
}

const verdicts: Readonly<Record<string, PullRequestReview['verdict']>> = {
  approved: 'approved',
  requested_changes: 'changes_requested',
  reviewed: 'commented',
};
const reviewBy = (author: string, verdict: PullRequestReview['verdict']): PullRequestReview => ({
  id: `review-${author}-${verdict}`,
  author,
  verdict,
  text: '',
  createdAt: null,
  url: null,
});

const statuses: Readonly<Record<string, PullRequestCheck['status']>> = {
  success: 'passed',
  failed: 'failed',
  canceled: 'cancelled',
  skipped: 'skipped',
  running: 'running',
  manual: 'neutral',
};
const checkOf = ({
  name,
  status,
  allow_failure,
  description,
  target_url,
}: z.output<typeof Status>): PullRequestCheck => ({
  name,
  status: status === 'failed' && allow_failure ? 'neutral' : (statuses[status] ?? 'queued'),
  summary: description ?? '',
  url: target_url ?? null,
});
