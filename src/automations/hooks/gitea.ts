import { type HookNews, type HookReader, verifyHexHmac } from './delivery.ts';
import { findTexts, textAt, timeAt } from './payload.ts';

const reviews: Readonly<Record<string, string>> = {
  pull_request_approved: 'approved',
  pull_request_rejected: 'changes requested',
  pull_request_comment: 'commented',
};

/** Deliveries of Gitea and Forgejo: the same headers under two names. */
export const gitea: HookReader = {
  verify: ({ headers, body }, secret) =>
    verifyHexHmac(headers['x-forgejo-signature'] ?? headers['x-gitea-signature'], body, secret),
  read(headers, payload) {
    const kind = headers['x-forgejo-event'] ?? headers['x-gitea-event'] ?? '';
    const action = textAt(payload, 'action');
    const news = (part: string, more: Pick<HookNews, 'event'> & Partial<HookNews>): HookNews => ({
      at: timeAt(payload, `${part}.updated_at`),
      repository: textAt(payload, 'repository.full_name'),
      sender: textAt(payload, 'sender.login', 'sender.username'),
      labels: [],
      assignees: [],
      about: `#${textAt(payload, 'number', 'issue.number')} ${textAt(payload, 'issue.title', 'pull_request.title')}`,
      url: textAt(payload, `${part}.html_url`),
      text: textAt(payload, `${part}.body`),
      ...more,
    });
    if (kind === 'issues' || kind === 'pull_request') {
      const part = kind === 'issues' ? 'issue' : 'pull_request';
      if (action === 'label_updated') {
        const added = findTexts(payload, 'changes.added_labels', 'name');
        const labels = added.length > 0 ? added : findTexts(payload, `${part}.labels`, 'name');
        return news(part, { event: 'issue.labelled', labels });
      }
      if (action !== 'assigned') return undefined;
      return news(part, { event: 'issue.assigned', assignees: findTexts(payload, `${part}.assignees`, 'login') });
    }
    if (kind === 'issue_comment' && action === 'created') return news('comment', { event: 'comment.mention' });
    if (reviews[kind] !== undefined) {
      const text = `${reviews[kind]}: ${textAt(payload, 'review.content')}`;
      return news('pull_request', { event: 'review', text });
    }
    if (kind === 'status' && ['failure', 'error'].includes(textAt(payload, 'state'))) {
      return news('', {
        event: 'check.failed',
        at: timeAt(payload, 'updated_at', 'created_at'),
        about: `${textAt(payload, 'context')} failed at ${textAt(payload, 'sha', 'commit.id')}`,
        url: textAt(payload, 'target_url'),
        text: textAt(payload, 'description'),
      });
    }
    const isFailedRun = action === 'completed' && textAt(payload, 'workflow_run.conclusion') === 'failure';
    if (kind === 'workflow_run' && isFailedRun) {
      return news('workflow_run', {
        event: 'check.failed',
        at: timeAt(payload, 'workflow_run.completed_at', 'workflow_run.updated_at'),
        about: `${textAt(payload, 'workflow_run.display_title')} failed at ${textAt(payload, 'workflow_run.head_sha')}`,
        text: '',
      });
    }
    return undefined;
  },
};
