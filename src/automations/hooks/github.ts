import { type HookNews, type HookReader, verifyHexHmac } from './delivery.ts';
import { textAt, textsAt, timeAt } from './payload.ts';

const failures = new Set(['failure', 'timed_out', 'startup_failure']);

/** Deliveries of GitHub: issues and pull requests, comments, reviews, check runs and workflow runs. */
export const github: HookReader = {
  verify: ({ headers, body }, secret) =>
    verifyHexHmac(/^sha256=([0-9a-f]{64})$/i.exec(headers['x-hub-signature-256'] ?? '')?.[1], body, secret),
  read(headers, payload) {
    const action = textAt(payload, 'action');
    const news = (part: string, more: Pick<HookNews, 'event'> & Partial<HookNews>): HookNews => ({
      at: timeAt(payload, `${part}.updated_at`),
      repository: textAt(payload, 'repository.full_name'),
      sender: textAt(payload, 'sender.login'),
      labels: [],
      assignees: [],
      about: `#${textAt(payload, 'issue.number', 'pull_request.number')} ${textAt(payload, 'issue.title', 'pull_request.title')}`,
      url: textAt(payload, `${part}.html_url`),
      text: textAt(payload, `${part}.body`),
      ...more,
    });
    switch (headers['x-github-event']) {
      case 'issues':
      case 'pull_request': {
        const part = headers['x-github-event'] === 'issues' ? 'issue' : 'pull_request';
        if (action === 'labeled')
          return news(part, { event: 'issue.labelled', labels: [textAt(payload, 'label.name')] });
        if (action !== 'assigned') return undefined;
        return news(part, { event: 'issue.assigned', assignees: [textAt(payload, 'assignee.login')] });
      }
      case 'issue_comment':
      case 'pull_request_review_comment':
        return action === 'created' ? news('comment', { event: 'comment.mention' }) : undefined;
      case 'pull_request_review': {
        if (action !== 'submitted') return undefined;
        const text = `${textAt(payload, 'review.state')}: ${textAt(payload, 'review.body')}`;
        return news('review', { event: 'review', at: timeAt(payload, 'review.submitted_at'), text });
      }
      case 'check_run':
      case 'workflow_run': {
        const part = headers['x-github-event'];
        if (action !== 'completed' || !failures.has(textAt(payload, `${part}.conclusion`))) return undefined;
        const pulls = textsAt(payload, `${part}.pull_requests`, 'number').map((number) => ` #${number}`);
        return news(part, {
          event: 'check.failed',
          at: timeAt(payload, `${part}.completed_at`, `${part}.updated_at`),
          about: `${textAt(payload, `${part}.name`)} failed at ${textAt(payload, `${part}.head_sha`)}${pulls.join('')}`,
          text: [textAt(payload, `${part}.output.title`), textAt(payload, `${part}.output.summary`)].join('\n').trim(),
        });
      }
      default:
        return undefined;
    }
  },
};
