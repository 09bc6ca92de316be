import { createHash } from 'node:crypto';
import { ServerComponent, type ServerDependencies } from '../../core/contracts/server-parts.ts';
import type { SessionId } from '../../core/model/ids.ts';
import type { Automation, AutomationStart } from '../../sessions/api/server/automations.ts';
import type { WebhookEventType } from '../../sessions/api/server/webhooks.ts';
import { type OwnerAccessCheck, ownerWithoutAccessReason } from '../records.ts';
import {
  buildMessageBody,
  countWebhookMessages,
  shouldDeliverEvent,
  toAutomationChangeData,
  toAutomationPauseData,
  toAutomationStartData,
  toResourceChangeData,
  toSessionMessageData,
  type WebhookMessageData,
} from './message.ts';
import type { AutomationStartEvent, OutboxEntry, WebhookOutbox } from './outbox.ts';
import {
  maxDeliveryAttemptsOf,
  type StoredWebhook,
  type StoredWebhookDelivery,
  type WebhookRecords,
} from './records.ts';

export interface WebhookOutboxRouterDeps extends Pick<ServerDependencies, 'clock'> {
  readonly records: WebhookRecords;
  readonly outbox: WebhookOutbox;
  readonly automationOf: (id: string) => Promise<Automation | undefined>;
  readonly startOf: (id: string) => Promise<AutomationStart | undefined>;
  /** In the price list's currency. Null if the cost is unknown. */
  readonly readCost: (id: SessionId) => Promise<number | null>;
  readonly isOwned: OwnerAccessCheck;
  readonly pageUrl: string | undefined;
}
interface WebhookNews {
  readonly owner: string | undefined;
  readonly projectId: string | null;
  readonly data: WebhookMessageData;
  /** Whether the resource is hidden from clients of the Managed Agents API. */
  readonly isHidden?: boolean;
}
const batch = 200;
/** An announced pause that is not stored within this time is dropped, because its server has presumably died. */
const announcedMs = 10_000;

export class WebhookOutboxRouter extends ServerComponent<WebhookOutboxRouterDeps> {
  /** Resolves with true if it removed events. Can be repeated: delivery ids derive from events. */
  async round(): Promise<boolean> {
    const { records, outbox } = this.deps;
    const entries = await outbox.oldest(batch);
    if (entries.length === 0) return false;
    const endpoints = await records.list();
    let done = 0;
    for (const entry of entries) if (await this.#route(entry, endpoints)) done++;
    return done > 0;
  }

  async #route({ id, event }: OutboxEntry, endpoints: readonly StoredWebhook[]): Promise<boolean> {
    const { records, outbox, isOwned, clock } = this.deps;
    const { type, at } = event;
    const interested = endpoints.filter(
      ({ events, format, paused, createdAt }) =>
        events.includes(type) && !paused && createdAt <= at && shouldDeliverEvent(format, event),
    );
    const news = interested.length === 0 ? null : await this.#readNews(event);
    if (news === undefined) return false;
    const added: Promise<boolean>[] = [];
    for (const endpoint of interested) {
      if (!news || !hears(endpoint, news)) continue;
      if (news.isHidden && endpoint.format === 'managed-agents') continue;
      if (endpoint.owner !== undefined && !isOwned(endpoint.owner, endpoint.projectId)) {
        const paused = { by: 'owner', text: ownerWithoutAccessReason, at: clock.now() } as const;
        await records.change(endpoint.id, (now) => (now.paused ? undefined : { ...now, paused })).catch(() => {});
        continue;
      }
      if (endpoint.owner !== undefined && !isOwned(endpoint.owner, news.projectId)) continue;
      const { data } = news;
      for (let part = 0; part < countWebhookMessages(endpoint.format, type, data); part++) {
        const messageId = toMessageId(part === 0 ? id : `${id} ${part}`);
        added.push(records.add(createPendingDelivery(endpoint, { messageId, type, at, data, part, now: clock.now() })));
      }
    }
    await Promise.all(added);
    await outbox.delete(id);
    return true;
  }

  /** Null if there is nothing to report, undefined if that is not known yet. */
  async #readNews(event: OutboxEntry['event']): Promise<WebhookNews | null | undefined> {
    const { automationOf, readCost, clock, pageUrl } = this.deps;
    if (event.type === 'automation.paused') {
      const automation = await automationOf(event.automationId);
      if (automation?.paused?.at === event.at) {
        const { owner, projectId, program } = automation;
        return { owner, projectId, data: toAutomationPauseData(automation), isHidden: program === undefined };
      }
      return clock.now() - event.at < announcedMs ? undefined : null;
    }
    if (event.type === 'automation.changed') {
      const { owner, projectId, isProgram } = event;
      return { owner, projectId, data: toAutomationChangeData(event), isHidden: !isProgram };
    }
    if ('startId' in event) return await this.#readStartNews(event);
    if (event.type === 'resource.changed')
      return { owner: event.owner, projectId: event.projectId ?? null, data: toResourceChangeData(event) };
    const { session, sessionId, type } = event;
    const isOver = type === 'run.ended' || type === 'run.failed';
    const cost = isOver ? await readCost(sessionId as SessionId).catch(() => null) : null;
    const data = toSessionMessageData(event, { session, cost, pageUrl });
    return { owner: session?.owner, projectId: session?.projectId ?? null, data };
  }

  async #readStartNews({ type, automationId, startId }: AutomationStartEvent): Promise<WebhookNews | null | undefined> {
    const { automationOf, startOf } = this.deps;
    const [automation, start] = [await automationOf(automationId), await startOf(startId)];
    if (!automation || !start) return null;
    if (start.state === 'queued' || start.state === 'starting') return undefined; // its server may still retry the start
    const hasStarted = start.state === 'running' || start.state === 'ended';
    if (hasStarted !== (type === 'automation.started')) return null;
    const { owner, projectId, program } = automation;
    return { owner, projectId, data: toAutomationStartData(automation, start), isHidden: program === undefined };
  }
}

const toMessageId = (event: string): string => `msg_${createHash('sha256').update(event).digest('hex').slice(0, 24)}`;
const hears = ({ owner, projectId }: StoredWebhook, news: WebhookNews): boolean =>
  projectId === null ? owner === undefined || owner === news.owner : projectId === news.projectId;

interface Message {
  readonly messageId: string;
  readonly type: WebhookEventType;
  readonly at: number;
  readonly data: WebhookMessageData;
  readonly part?: number;
  readonly now: number;
}
export const createPendingDelivery = (
  { id: webhookId, format }: StoredWebhook,
  { messageId, type, at, data, part = 0, now }: Message,
): StoredWebhookDelivery => ({
  id: `${webhookId}:${messageId}`,
  webhookId,
  messageId,
  type,
  body: buildMessageBody(format, type, { messageId, at, data, part }),
  state: 'pending',
  tries: 0,
  triesLeft: maxDeliveryAttemptsOf(type),
  statusCode: null,
  error: '',
  createdAt: now,
  nextAt: now,
  endedAt: null,
});
