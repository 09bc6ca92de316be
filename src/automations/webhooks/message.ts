import type { Automation } from '../../sessions/api/server/automations.ts';
import type { SentEvent, Webhook } from '../../sessions/api/server/webhooks.ts';
import type { OutboxEvent, ResourceChange } from './outbox.ts';

/** The content of an event, without any text that people or agents wrote in the session but its title. */
export interface MessageData {
  readonly sessionId?: string;
  readonly runId?: string | null;
  /** The session whose agent gave it its work; absent: it is nobody's. */
  readonly parentId?: string;
  readonly title?: string;
  readonly projectId?: string | null;
  readonly status?: 'running' | 'waiting' | 'completed' | 'deleted';
  /** Why a run waits. */
  readonly reason?: string;
  readonly outcome?: { readonly status: string; readonly reason: string; readonly code?: string | undefined };
  /** In the currency of the price list; null: the price is not known. */
  readonly cost?: number | null;
  readonly round?: number;
  readonly result?: string;
  readonly resource?: ResourceChange['resource'];
  readonly resourceId?: string;
  readonly change?: ResourceChange['change'];
  readonly vaultId?: string;
  readonly automationId?: string;
  readonly name?: string;
  readonly pausedBy?: string;
  readonly text?: string;
  /** The session in the page; absent where the settings do not name the page's address. */
  readonly url?: string;
}

type OfSession = Exclude<OutboxEvent, { type: 'automation.paused' | 'resource.changed' }>;
interface MessageContext {
  readonly session: OfSession['session'];
  readonly cost: number | null;
  readonly pageUrl: string | undefined;
}
const statuses = {
  'run.started': 'running',
  'run.waiting': 'waiting',
  'run.ended': 'completed',
  'run.failed': 'completed',
  'goal.judged': 'running',
  'session.deleted': 'deleted',
} as const;

const parentIdOf = (session: OfSession['session']): string | undefined =>
  session?.parent?.attempts === undefined ? session?.parent?.sessionId : undefined;

/**
 * Whether an endpoint of this format hears of it. Programs hear of the first run of a thread: the thread was created. A thread
 * has no outcomes for them.
 */
export function isTold(format: Webhook['format'], event: OutboxEvent): boolean {
  if (format !== 'managed-agents' || !('session' in event) || parentIdOf(event.session) === undefined) return true;
  return event.type === 'run.started' ? (event.session?.spending?.turns ?? 0) === 0 : event.type !== 'goal.judged';
}

export function dataOfSession(event: OfSession, { session, cost, pageUrl }: MessageContext): MessageData {
  const { type, sessionId } = event;
  const parentId = parentIdOf(session);
  return {
    sessionId,
    ...(parentId !== undefined && { parentId }),
    ...('runId' in event && { runId: event.runId }),
    title: session?.title ?? '',
    projectId: session?.projectId ?? null,
    status: statuses[type],
    ...(type === 'run.waiting' && { reason: event.reason }),
    ...(type === 'goal.judged' && { round: event.round, result: event.result }),
    ...((type === 'run.ended' || type === 'run.failed') && { outcome: event.outcome, cost }),
    ...(pageUrl !== undefined && type !== 'session.deleted' && { url: `${pageUrl.replace(/\/$/, '')}/#${sessionId}` }),
  };
}
export const dataOfChange = ({ resource, id, change, name, vaultId }: ResourceChange): MessageData => ({
  resource,
  resourceId: id,
  change,
  name,
  ...(vaultId !== undefined && { vaultId }),
});
export const dataOfPause = ({ id, name, projectId, paused }: Automation): MessageData => ({
  automationId: id,
  name,
  projectId,
  ...(paused && { pausedBy: paused.by, text: paused.text }),
});

/** The body of a request, in the format of the endpoint. */
export function bodyOf(
  format: Webhook['format'],
  type: SentEvent,
  { messageId, at, data }: { readonly messageId: string; readonly at: number; readonly data: MessageData },
): string {
  if (format === 'managed-agents') {
    const about = programDataOf(type, data);
    return JSON.stringify({ type: 'event', id: messageId, created_at: new Date(at).toISOString(), data: about });
  }
  if (format === 'slack') return JSON.stringify({ text: lineOf(type, data) });
  return JSON.stringify({ type, timestamp: new Date(at).toISOString(), data });
}

/** The data of an event in the words of the Managed Agents API. */
function programDataOf(type: SentEvent, data: MessageData) {
  const { sessionId, parentId, automationId, projectId, reason, resource, resourceId, change, vaultId } = data;
  const owner = { organization_id: 'org_corral', workspace_id: `wrkspc_${projectId ?? 'default'}` };
  if (parentId !== undefined) {
    // A call that waits in a thread is the whole session's: the program answers it there.
    const isAsking = type === 'run.waiting' && reason === 'approval';
    const id = `sesn_${parentId}`;
    if (isAsking) return { type: 'session.requires_action', id, ...owner };
    return { type: ofThread[type], id, session_thread_id: `sthr_${sessionId}`, ...owner };
  }
  const id = resourceId ?? (sessionId === undefined ? `depl_${automationId ?? 'test'}` : `sesn_${sessionId}`);
  const waits = reason === 'budget' ? 'session.budget_reached' : 'session.requires_action';
  const types = {
    'run.started': 'session.status_run_started',
    'run.waiting': reason === 'budget' || reason === 'approval' ? waits : 'session.status_idled',
    'run.ended': 'session.status_idled',
    'run.failed': 'session.status_idled',
    'goal.judged': 'session.outcome_evaluation_ended',
    'session.deleted': 'session.deleted',
    'resource.changed': `${resource}.${change}`,
    'automation.paused': 'deployment.paused',
    'webhook.test': 'deployment.updated',
  } as const satisfies Record<SentEvent, string>;
  return { type: types[type], id, ...(vaultId !== undefined && { vault_id: vaultId }), ...owner };
}
const ofThread: Partial<Record<SentEvent, string>> = {
  'run.started': 'session.thread_created',
  'run.waiting': 'session.thread_idled',
  'run.ended': 'session.thread_idled',
  'run.failed': 'session.thread_idled',
  'session.deleted': 'session.thread_terminated',
};

function lineOf(type: SentEvent, data: MessageData): string {
  if (type === 'webhook.test') return 'Corral sends a test event.';
  const { reason, outcome, cost, url } = data;
  const named = data.title || data.name || data.sessionId || data.resourceId || '';
  const about = url === undefined ? `*${escaped(named)}*` : `<${url}|${escaped(named)}>`;
  const why = outcome && (outcome.code ?? (outcome.reason === outcome.status ? undefined : outcome.reason));
  const price = typeof cost === 'number' && cost > 0 ? `, cost ${cost.toFixed(2)}` : '';
  switch (type) {
    case 'run.started':
      return `${about} has started.`;
    case 'run.waiting':
      return `${about} waits for you${reason === undefined ? '' : `: ${reason}`}.`;
    case 'run.ended':
      return `${about} has ended: ${outcome?.status ?? 'completed'}${price}.`;
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
    case 'session.deleted':
      return `${about} was deleted.`;
  }
}

/** Slack reads these three as markup, also mentions such as <!channel>; line ends and stars would break the form. */
const escaped = (text: string): string =>
  text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll(/[\s*|]+/g, ' ')
    .trim();
