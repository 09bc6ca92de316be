import type { Automation, AutomationStart } from '../../sessions/api/server/automations.ts';
import type { Webhook, WebhookEventType } from '../../sessions/api/server/webhooks.ts';
import type { AutomationChangeEvent, OutboxEvent, ResourceChange } from './outbox.ts';

/** Contains no session text except the title and, at a run's end, the start of the answer. */
export interface WebhookMessageData {
  readonly sessionId?: string;
  readonly runId?: string | null;
  readonly parentId?: string;
  readonly title?: string;
  readonly projectId?: string | null;
  readonly status?: 'pending' | 'running' | 'waiting' | 'completed' | 'deleted';
  readonly fields?: readonly string[];
  readonly reason?: string;
  readonly outcome?: { readonly status: string; readonly reason: string; readonly code?: string | undefined };
  readonly answer?: string;
  /** In the price list's currency. Null if the cost is unknown. */
  readonly cost?: number | null;
  readonly round?: number;
  readonly result?: string;
  readonly resource?: ResourceChange['resource'];
  readonly resourceId?: string;
  readonly change?: ResourceChange['change'] | AutomationChangeEvent['change'];
  readonly vaultId?: string;
  readonly automationId?: string;
  readonly name?: string;
  readonly startId?: string;
  readonly cause?: string;
  readonly pausedBy?: string;
  readonly text?: string;
  /** Absent for a deleted session, or if the page's address is unknown. */
  readonly url?: string;
}

type OfSession = Extract<OutboxEvent, { session: unknown }>;
interface MessageContext {
  readonly session: OfSession['session'];
  readonly cost: number | null;
  readonly pageUrl: string | undefined;
}
const statuses: Partial<Record<OfSession['type'], WebhookMessageData['status']>> = {
  'run.started': 'running',
  'run.resumed': 'running',
  'run.retrying': 'running',
  'run.waiting': 'waiting',
  'run.ended': 'completed',
  'run.failed': 'completed',
  'goal.judged': 'running',
  'session.created': 'pending',
  'session.deleted': 'deleted',
};

const parentIdOf = (session: OfSession['session']): string | undefined =>
  session?.parent?.attempts === undefined ? session?.parent?.sessionId : undefined;

/** Managed Agents reports a child session's start only once, as its thread's creation. */
export function shouldDeliverEvent(format: Webhook['format'], event: OutboxEvent): boolean {
  if (format !== 'managed-agents' || !('session' in event) || parentIdOf(event.session) === undefined) return true;
  return event.type !== 'run.started' || (event.session?.spending?.turns ?? 0) === 0;
}

export function toSessionMessageData(event: OfSession, { session, cost, pageUrl }: MessageContext): WebhookMessageData {
  const { type, sessionId } = event;
  const parentId = parentIdOf(session);
  return {
    sessionId,
    ...(parentId !== undefined && { parentId }),
    ...('runId' in event && { runId: event.runId }),
    title: session?.title ?? '',
    projectId: session?.projectId ?? null,
    status: statuses[type] ?? session?.status ?? 'completed',
    ...(type === 'session.changed' && { fields: event.fields }),
    ...(type === 'run.waiting' && { reason: event.reason }),
    ...(type === 'goal.judged' && { round: event.round, result: event.result }),
    ...((type === 'run.ended' || type === 'run.failed') && { outcome: event.outcome, cost }),
    ...(type === 'run.ended' && { answer: session?.latestMessage ?? '' }),
    ...(pageUrl !== undefined && type !== 'session.deleted' && { url: `${pageUrl.replace(/\/$/, '')}/#${sessionId}` }),
  };
}
export const toResourceChangeData = ({ resource, id, change, name, vaultId }: ResourceChange): WebhookMessageData => ({
  resource,
  resourceId: id,
  change,
  name,
  ...(vaultId !== undefined && { vaultId }),
});
export const toAutomationPauseData = ({ id, name, projectId, paused }: Automation): WebhookMessageData => ({
  automationId: id,
  name,
  projectId,
  ...(paused && { pausedBy: paused.by, text: paused.text }),
});
export const toAutomationChangeData = ({
  automationId,
  name,
  projectId,
  change,
}: AutomationChangeEvent): WebhookMessageData => ({
  automationId,
  name,
  projectId,
  change,
});
export const toAutomationStartData = (
  { id, name, projectId }: Automation,
  start: AutomationStart,
): WebhookMessageData => ({
  automationId: id,
  name,
  projectId,
  startId: start.id,
  cause: start.cause.kind,
  ...(start.sessionId !== null && { sessionId: start.sessionId }),
  ...(start.text !== '' && { text: start.text }),
});

/** One message, or one per matching Managed Agents event. */
export const countWebhookMessages = (
  format: Webhook['format'],
  type: WebhookEventType,
  data: WebhookMessageData,
): number => (format === 'managed-agents' ? toProgramEvents(type, data).length : 1);

interface MessageBody {
  readonly messageId: string;
  readonly at: number;
  readonly data: WebhookMessageData;
  readonly part?: number;
}
export function buildMessageBody(
  format: Webhook['format'],
  type: WebhookEventType,
  { messageId, at, data, part = 0 }: MessageBody,
): string {
  if (format === 'managed-agents') {
    const about = toProgramEvents(type, data)[part];
    return JSON.stringify({ type: 'event', id: messageId, created_at: new Date(at).toISOString(), data: about });
  }
  if (format === 'slack') return JSON.stringify({ text: formatLine(type, data) });
  return JSON.stringify({ type, timestamp: new Date(at).toISOString(), data });
}

interface ProgramEvent {
  readonly type: string;
  readonly id: string;
  readonly session_thread_id?: string;
}
/** Empty if the Managed Agents API has no such event. */
function toProgramEvents(type: WebhookEventType, data: WebhookMessageData): ProgramEvent[] {
  const { sessionId, parentId, automationId, projectId, reason, resource, resourceId, change, vaultId } = data;
  const owner = { organization_id: 'org_corral', workspace_id: `wrkspc_${projectId ?? 'default'}` };
  if (parentId !== undefined) {
    // A pending approval in a thread is reported on its parent session, where the program answers it.
    const isAsking = type === 'run.waiting' && reason === 'approval';
    const id = `sesn_${parentId}`;
    if (isAsking) return [{ type: 'session.requires_action', id, ...owner }];
    const known = ofThread[type];
    return known === undefined ? [] : [{ type: known, id, session_thread_id: `sthr_${sessionId}`, ...owner }];
  }
  if (data.startId !== undefined) {
    const id = `drun_${data.startId.replace(':', 'x')}`;
    const end = type === 'automation.started' ? 'succeeded' : 'failed';
    const types = data.cause === 'schedule' ? ['deployment_run.started', `deployment_run.${end}`] : [];
    return types.map((one) => ({ type: one, id, ...owner }));
  }
  const id = resourceId ?? (sessionId === undefined ? `depl_${automationId ?? 'test'}` : `sesn_${sessionId}`);
  const waits = reason === 'budget' ? 'session.budget_reached' : 'session.requires_action';
  const types: Record<WebhookEventType, readonly string[]> = {
    'run.started': ['session.status_run_started'],
    'run.resumed': ['session.status_run_started'],
    'run.retrying': ['session.status_rescheduled'],
    'run.waiting': [reason === 'budget' || reason === 'approval' ? waits : 'session.status_idled'],
    'run.ended': ['session.status_idled'],
    'run.failed': ['session.status_idled'],
    'goal.judged': ['session.outcome_evaluation_ended'],
    'session.created': ['session.created'],
    'session.changed': ['session.updated'],
    'session.archived': ['session.archived', 'session.status_terminated'],
    'session.deleted': ['session.deleted'],
    'resource.changed': [`${resource}.${change}`],
    'automation.changed': [`deployment.${change === 'resumed' ? 'unpaused' : change}`],
    'automation.paused': ['deployment.paused'],
    'automation.started': [],
    'automation.not_started': [],
    'webhook.test': ['deployment.updated'],
  };
  return types[type].map((one) => ({ type: one, id, ...(vaultId !== undefined && { vault_id: vaultId }), ...owner }));
}
/** Managed Agents calls child sessions threads. Types without an entry are not sent. */
const ofThread: Partial<Record<WebhookEventType, string>> = {
  'run.started': 'session.thread_created',
  'run.waiting': 'session.thread_idled',
  'run.ended': 'session.thread_idled',
  'run.failed': 'session.thread_idled',
  'session.archived': 'session.thread_terminated',
  'session.deleted': 'session.thread_terminated',
};

function formatLine(type: WebhookEventType, data: WebhookMessageData): string {
  if (type === 'webhook.test') return 'This is a test event from Corral.';
  const { reason, outcome, cost, url } = data;
  const named = data.title || data.name || data.sessionId || data.resourceId || '';
  const about = url === undefined ? `*${escaped(named)}*` : `<${url}|${escaped(named)}>`;
  const why = outcome && (outcome.code ?? (outcome.reason === outcome.status ? undefined : outcome.reason));
  const price = typeof cost === 'number' && cost > 0 ? `, cost ${cost.toFixed(2)}` : '';
  switch (type) {
    case 'run.started':
      return `${about} has started.`;
    case 'run.waiting':
      return `${about} is waiting for you${reason === undefined ? '' : `: ${reason}`}.`;
    case 'run.resumed':
      return `${about} continues.`;
    case 'run.retrying':
      return `${about} is waiting for its model provider and will try again.`;
    case 'run.ended':
      return `${about} has ended: ${outcome?.status ?? 'completed'}${price}.${data.answer ? `\n${lineEscaped(data.answer)}` : ''}`;
    case 'run.failed':
      return `${about} has failed${why === undefined ? '' : `: ${why}`}${price}.`;
    case 'goal.judged':
      return `${about} was judged: ${data.result?.replaceAll('_', ' ')}.`;
    case 'resource.changed':
      return data.change === 'refresh_failed'
        ? `The token of the ${data.resource?.replaceAll('_', ' ')} ${about} could not be refreshed.`
        : `The ${data.resource?.replaceAll('_', ' ')} ${about} was ${data.change}.`;
    case 'automation.paused':
      return `The automation ${about} is paused. ${escaped(data.text ?? '')}`.trim();
    case 'automation.changed':
      return `The automation ${about} was ${data.change}.`;
    case 'automation.started':
      return `The automation ${about} has started a session.`;
    case 'automation.not_started':
      return `The automation ${about} did not start a session. ${escaped(data.text ?? '')}`.trim();
    case 'session.created':
      return `${about} was created.`;
    case 'session.changed':
      return `${about} was changed: ${data.fields?.join(', ')}.`;
    case 'session.archived':
      return `${about} was archived.`;
    case 'session.deleted':
      return `${about} was deleted.`;
  }
}

/** Slack interprets these characters as markup. `escaped` also replaces white space, asterisks and bars. */
const lineEscaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
const escaped = (text: string): string =>
  lineEscaped(text)
    .replaceAll(/[\s*|]+/g, ' ')
    .trim();
