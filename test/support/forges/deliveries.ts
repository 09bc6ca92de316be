import { createHmac } from 'node:crypto';
import type { HookEvent, HookRequest } from '../../../src/sessions/api/server/automations.ts';

// Deliveries as the three forges send them, after the payloads that their documents show, cut to a fraction of the fields.

export interface RecordedDelivery {
  readonly source: 'github' | 'gitlab' | 'gitea';
  readonly name: string;
  readonly event: HookEvent;
  readonly headers: Readonly<Record<string, string>>;
  readonly payload: object;
}
const at = '2026-11-24T12:00:00Z';
export const eventAt = Date.parse(at);

const title = 'The menu does not open';
const body = 'Open the page on a phone and press the menu.';
const mention = 'Please look at it, @corral-bot.';
const label = { id: 208045946, name: 'agent', color: 'f29513' };
const bot = { id: 9, login: 'corral-bot' };
const sender = { id: 583231, login: 'octocat', type: 'User' };

const onGithub = { repository: { id: 1296269, name: 'site', full_name: 'acme/site', private: false }, sender };
const githubIssue = {
  number: 12,
  title,
  html_url: 'https://github.com/acme/site/issues/12',
  labels: [label],
  created_at: '2026-11-20T08:00:00Z',
  updated_at: at,
  body,
};
const github = (kind: string, payload: object) => ({
  source: 'github' as const,
  headers: {
    'content-type': 'application/json',
    'x-github-delivery': '72d3162e-cc78-11e3-81ab-4c9367dc0958',
    'x-github-event': kind,
  },
  payload: { ...payload, ...onGithub },
});

const gitlabProject = {
  user: { id: 1, name: 'Administrator', username: 'octocat' },
  project: { id: 1, name: 'site', path_with_namespace: 'acme/site' },
};
const gitlab = (kind: string, payload: object) => ({
  source: 'gitlab' as const,
  headers: {
    'content-type': 'application/json',
    'x-gitlab-event': kind,
    'x-gitlab-event-uuid': '13792a34-cac6-4fda-95a8-c58e00a3954e',
    'idempotency-key': 'f5e5f430-f57b-4e6e-9fac-d9128cd7232f',
  },
  payload: { ...payload, ...gitlabProject },
});
const gitlabIssue = {
  id: 301,
  iid: 12,
  title,
  description: body,
  url: 'https://gitlab.example.com/acme/site/-/issues/12',
  created_at: '2026-11-20 08:00:00 UTC',
  updated_at: '2026-11-24 12:00:00 UTC',
};

const onGitea = { repository: { id: 140, name: 'site', full_name: 'acme/site' }, sender };
const giteaIssue = {
  number: 12,
  title,
  body,
  html_url: 'https://git.example.com/acme/site/issues/12',
  labels: [label],
  assignees: [bot],
  updated_at: at,
};
const gitea = (kind: string, payload: object) => ({
  source: 'gitea' as const,
  headers: {
    'content-type': 'application/json',
    'x-gitea-delivery': 'f6266f16-1bf3-46a5-9ea4-602e06ead473',
    'x-gitea-event': kind,
    'x-github-event': kind,
  },
  payload: { ...payload, ...onGitea },
});
const comment = (html_url: string) => ({ id: 99262140, body: mention, updated_at: at, html_url });
const pull = { number: 7, title: 'Fix the menu', html_url: 'https://example.com/acme/site/pull/7', updated_at: at };

export const recorded: readonly RecordedDelivery[] = [
  {
    name: 'a label',
    event: 'issue.labelled',
    ...github('issues', { action: 'labeled', issue: githubIssue, label }),
  },
  {
    name: 'an assignee',
    event: 'issue.assigned',
    ...github('issues', { action: 'assigned', issue: githubIssue, assignee: bot }),
  },
  {
    name: 'a comment',
    event: 'comment.mention',
    ...github('issue_comment', {
      action: 'created',
      issue: githubIssue,
      comment: comment('https://github.com/acme/site/issues/12#issuecomment-99262140'),
    }),
  },
  {
    name: 'a review',
    event: 'review',
    ...github('pull_request_review', {
      action: 'submitted',
      review: { id: 2626884, body: 'Please add a test.', state: 'changes_requested', submitted_at: at },
      pull_request: pull,
    }),
  },
  {
    name: 'a check run',
    event: 'check.failed',
    ...github('check_run', {
      action: 'completed',
      check_run: {
        id: 128620228,
        name: 'unit tests',
        head_sha: 'ec26c3e57ca3a959ca5aad62de7213c562f8c821',
        conclusion: 'failure',
        completed_at: at,
        output: { title: '1 of 40 failed', summary: 'menu.test.ts failed' },
        pull_requests: [{ number: 7 }],
      },
    }),
  },
  {
    name: 'a label',
    event: 'issue.labelled',
    ...gitlab('Issue Hook', {
      object_kind: 'issue',
      object_attributes: { ...gitlabIssue, action: 'update' },
      changes: { labels: { previous: [{ title: 'bug' }], current: [{ title: 'bug' }, { title: 'agent' }] } },
    }),
  },
  {
    name: 'an assignee',
    event: 'issue.assigned',
    ...gitlab('Issue Hook', {
      object_kind: 'issue',
      object_attributes: { ...gitlabIssue, action: 'update' },
      changes: { assignees: { previous: [], current: [{ id: 9, username: 'corral-bot' }] } },
    }),
  },
  {
    name: 'a comment',
    event: 'comment.mention',
    ...gitlab('Note Hook', {
      object_kind: 'note',
      object_attributes: {
        id: 1241,
        note: mention,
        action: 'create',
        updated_at: '2026-11-24 12:00:00 UTC',
        url: 'https://gitlab.example.com/acme/site/-/issues/12#note_1241',
      },
      issue: gitlabIssue,
    }),
  },
  {
    name: 'an approval',
    event: 'review',
    ...gitlab('Merge Request Hook', {
      object_kind: 'merge_request',
      object_attributes: { ...gitlabIssue, iid: 7, title: 'Fix the menu', action: 'approved' },
    }),
  },
  {
    name: 'a pipeline',
    event: 'check.failed',
    ...gitlab('Pipeline Hook', {
      object_kind: 'pipeline',
      object_attributes: {
        id: 31,
        ref: 'menu',
        sha: 'bcbb5ec396a2c0f828686f14fac9b80b780504f2',
        status: 'failed',
        created_at: '2026-11-24 11:58:00 UTC',
        finished_at: '2026-11-24 12:00:00 UTC',
      },
      builds: [{ id: 380, name: 'unit', status: 'failed' }],
    }),
  },
  {
    name: 'a label',
    event: 'issue.labelled',
    ...gitea('issues', { action: 'label_updated', number: 12, issue: giteaIssue }),
  },
  {
    name: 'an assignee',
    event: 'issue.assigned',
    ...gitea('issues', { action: 'assigned', number: 12, issue: giteaIssue }),
  },
  {
    name: 'a comment',
    event: 'comment.mention',
    ...gitea('issue_comment', {
      action: 'created',
      issue: giteaIssue,
      comment: comment('https://git.example.com/acme/site/issues/12#issuecomment-4'),
    }),
  },
  {
    name: 'a review',
    event: 'review',
    ...gitea('pull_request_rejected', {
      action: 'reviewed',
      number: 7,
      pull_request: pull,
      review: { type: 'pull_request_review_rejected', content: 'Please add a test.' },
    }),
  },
  {
    name: 'a status',
    event: 'check.failed',
    ...gitea('status', {
      context: 'ci/unit',
      state: 'failure',
      description: '1 of 40 failed',
      sha: '5175ef2e9f3a0d8e1f3a9d0a5a1f6f3e7b9c1d20',
      target_url: 'https://git.example.com/acme/site/actions/runs/3',
      updated_at: at,
    }),
  },
];

/** The request as its forge would send it, signed with this secret. */
export function signedDelivery(
  { source, headers, payload }: RecordedDelivery,
  secret: string,
  now = eventAt,
): HookRequest {
  return signed(source, { headers, body: Buffer.from(JSON.stringify(payload)) }, { secret, now });
}
export function signed(
  source: 'github' | 'gitlab' | 'gitea' | 'json',
  { headers, body }: HookRequest,
  { secret, now, id = 'msg_1' }: { readonly secret: string; readonly now: number; readonly id?: string },
): HookRequest {
  const hex = () => createHmac('sha256', secret).update(body).digest('hex');
  if (source === 'github') return { headers: { ...headers, 'x-hub-signature-256': `sha256=${hex()}` }, body };
  if (source === 'gitea') return { headers: { ...headers, 'x-gitea-signature': hex() }, body };
  const timestamp = String(Math.floor(now / 1_000));
  const webhookId = headers['idempotency-key'] ?? id;
  const key = Buffer.from(secret.replace('whsec_', ''), 'base64');
  const signature = createHmac('sha256', key).update(`${webhookId}.${timestamp}.`).update(body).digest('base64');
  const more = { 'webhook-id': webhookId, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` };
  return { headers: { ...headers, ...more }, body };
}
