import { type HookDelivery, type HookReader, verifyHexHmac } from './delivery.ts';
import { readTextAt, readTextsAt, readTimeAt } from './payload.ts';

const reviews: Readonly<Record<string, string>> = {
  pull_request_approved: 'approved',
  pull_request_rejected: 'changes requested',
  pull_request_comment: 'commented',
};

export const giteaHookReader: HookReader = {
  verify: ({ headers, body }, secret) =>
    verifyHexHmac(headers['x-forgejo-signature'] ?? headers['x-gitea-signature'], body, secret),
  read(headers, payload) {
    const kind = headers['x-forgejo-event'] ?? headers['x-gitea-event'] ?? '';
    const action = readTextAt(payload, 'action');
    const news = (part: string, more: Pick<HookDelivery, 'event'> & Partial<HookDelivery>): HookDelivery => ({
      at: readTimeAt(payload, `${part}.updated_at`),
      repository: readTextAt(payload, 'repository.full_name'),
      sender: readTextAt(payload, 'sender.login', 'sender.username'),
      labels: [],
      assignees: [],
      about: `#${readTextAt(payload, 'number', 'issue.number')} ${readTextAt(payload, 'issue.title', 'pull_request.title')}`,
      url: readTextAt(payload, `${part}.html_url`),
      text: readTextAt(payload, `${part}.body`),
      ...more,
    });
    if (kind === 'issues' || kind === 'pull_request') {
      const part = kind === 'issues' ? 'issue' : 'pull_request';
      if (action === 'label_updated') {
        const added = readTextsAt(payload, 'changes.added_labels', 'name');
        const labels = added.length > 0 ? added : readTextsAt(payload, `${part}.labels`, 'name');
        return news(part, { event: 'issue.labelled', labels });
      }
      if (action !== 'assigned') return undefined;
      return news(part, { event: 'issue.assigned', assignees: readTextsAt(payload, `${part}.assignees`, 'login') });
    }
    if (kind === 'issue_comment' && action === 'created') return news('comment', { event: 'comment.mention' });
    if (reviews[kind] !== undefined) {
      const text = `${reviews[kind]}: ${readTextAt(payload, 'review.content')}`;
      return news('pull_request', { event: 'review', text });
    }
    if (kind === 'status' && ['failure', 'error'].includes(readTextAt(payload, 'state'))) {
      return news('', {
        event: 'check.failed',
        at: readTimeAt(payload, 'updated_at', 'created_at'),
        about: `${readTextAt(payload, 'context')} failed at ${readTextAt(payload, 'sha', 'commit.id')}`,
        url: readTextAt(payload, 'target_url'),
        text: readTextAt(payload, 'description'),
      });
    }
    const isFailedRun = action === 'completed' && readTextAt(payload, 'workflow_run.conclusion') === 'failure';
    if (kind === 'workflow_run' && isFailedRun) {
      return news('workflow_run', {
        event: 'check.failed',
        at: readTimeAt(payload, 'workflow_run.completed_at', 'workflow_run.updated_at'),
        about: `${readTextAt(payload, 'workflow_run.display_title')} failed at ${readTextAt(payload, 'workflow_run.head_sha')}`,
        text: '',
      });
    }
    return undefined;
  },
};
