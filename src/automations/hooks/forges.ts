import {
  equalsInConstantTime,
  type HookDelivery,
  type HookReader,
  hashBody,
  readTextAt,
  readTextListAt,
  readTimeAt,
  verifyHexHmac,
  verifyStandardWebhook,
} from './delivery.ts';

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
        const added = readTextListAt(payload, 'changes.added_labels', 'name');
        const labels = added.length > 0 ? added : readTextListAt(payload, `${part}.labels`, 'name');
        return news(part, { event: 'issue.labelled', labels });
      }
      if (action !== 'assigned') return undefined;
      return news(part, { event: 'issue.assigned', assignees: readTextListAt(payload, `${part}.assignees`, 'login') });
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

/** GitLab's older secret token identifies the sender, but does not protect the body. */
export const gitlabHookReader: HookReader = {
  verify(request, secret) {
    const { headers, body } = request;
    if (headers['webhook-signature'] !== undefined) return verifyStandardWebhook(request, secret);
    return equalsInConstantTime(headers['x-gitlab-token'] ?? '', secret) ? { id: hashBody(body) } : undefined;
  },
  read(headers, payload) {
    const own = 'object_attributes';
    const action = readTextAt(payload, `${own}.action`);
    const news = (more: Pick<HookDelivery, 'event'> & Partial<HookDelivery>): HookDelivery => ({
      at: readTimeAt(payload, `${own}.updated_at`, `${own}.created_at`),
      repository: readTextAt(payload, 'project.path_with_namespace'),
      sender: readTextAt(payload, 'user.username', 'user_username'),
      labels: [],
      assignees: [],
      about: `${readTextAt(payload, `${own}.iid`, 'issue.iid', 'merge_request.iid')} ${readTextAt(payload, `${own}.title`, 'issue.title', 'merge_request.title')}`,
      url: readTextAt(payload, `${own}.url`),
      text: readTextAt(payload, `${own}.description`, `${own}.note`),
      ...more,
    });
    const added = (field: string, name: string): string[] => {
      const before = new Set(readTextListAt(payload, `changes.${field}.previous`, name));
      return readTextListAt(payload, `changes.${field}.current`, name).filter((one) => !before.has(one));
    };
    switch (headers['x-gitlab-event']) {
      case 'Issue Hook':
      case 'Confidential Issue Hook':
      case 'Merge Request Hook': {
        if (action === 'approved' || action === 'approval') return news({ event: 'review', text: 'approved' });
        const labels = action === 'open' ? readTextListAt(payload, 'labels', 'title') : added('labels', 'title');
        const assignees =
          action === 'open' ? readTextListAt(payload, 'assignees', 'username') : added('assignees', 'username');
        if (labels.length > 0) return news({ event: 'issue.labelled', labels, assignees });
        return assignees.length > 0 ? news({ event: 'issue.assigned', assignees }) : undefined;
      }
      case 'Note Hook':
      case 'Confidential Note Hook':
        if (action !== '' && action !== 'create') return undefined;
        return news({ event: 'comment.mention' });
      case 'Pipeline Hook': {
        if (readTextAt(payload, `${own}.status`) !== 'failed') return undefined;
        const jobs = Array.isArray((payload as { builds?: unknown }).builds) ? failedJobs(payload) : [];
        return news({
          event: 'check.failed',
          at: readTimeAt(payload, `${own}.finished_at`, `${own}.created_at`),
          about: `pipeline ${readTextAt(payload, `${own}.id`)} of ${readTextAt(payload, `${own}.ref`)} failed at ${readTextAt(payload, `${own}.sha`)}`,
          text: jobs.map((job) => `The job ${job} failed.`).join('\n'),
        });
      }
      default:
        return undefined;
    }
  },
};

const failedJobs = (payload: unknown): string[] =>
  (payload as { readonly builds: readonly unknown[] }).builds
    .filter((job) => readTextAt(job, 'status') === 'failed')
    .map((job) => readTextAt(job, 'name'));
