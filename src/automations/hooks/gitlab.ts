import {
  equalsInConstantTime,
  type HookDelivery,
  type HookReader,
  hashBody,
  verifyStandardWebhook,
} from './delivery.ts';
import { readTextAt, readTextsAt, readTimeAt } from './payload.ts';

/**
 * Reads GitLab deliveries. GitLab's signing tokens follow Standard Webhooks. Its older secret token is a password in a header:
 * the token identifies the sender but does not protect the body.
 */
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
      const before = new Set(readTextsAt(payload, `changes.${field}.previous`, name));
      return readTextsAt(payload, `changes.${field}.current`, name).filter((one) => !before.has(one));
    };
    switch (headers['x-gitlab-event']) {
      case 'Issue Hook':
      case 'Confidential Issue Hook':
      case 'Merge Request Hook': {
        if (action === 'approved' || action === 'approval') return news({ event: 'review', text: 'approved' });
        const labels = action === 'open' ? readTextsAt(payload, 'labels', 'title') : added('labels', 'title');
        const assignees =
          action === 'open' ? readTextsAt(payload, 'assignees', 'username') : added('assignees', 'username');
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
