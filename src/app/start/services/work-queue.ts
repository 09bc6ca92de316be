import { EnvironmentKeys } from '../../../auth/environment-keys.ts';
import { readKeyPeppers } from '../../../auth/keys/key-peppers.ts';
import type { ResourceNotifier } from '../../../automations/webhooks/resource-notifier.ts';
import type { EventLog, Store } from '../../../core/contracts/ports.ts';
import type { DocumentService } from '../../../sessions/api/server/documents.ts';
import type { SessionService } from '../../../sessions/api/sessions.ts';
import { documentService } from '../../../sessions/documents/document-service.ts';
import { WaitingSessions } from '../../../sessions/work-queue/waiting-sessions.ts';
import { WorkQueue } from '../../../sessions/work-queue/work-queue.ts';
import type { Replica } from '../../parts/replica.ts';
import type { RunningEngine } from '../engine.ts';
import { runInBackground, type Startup } from '../startup.ts';

interface WorkQueueDeps {
  readonly store: Store;
  readonly log: Pick<EventLog, 'onAppend'>;
  readonly sessions: SessionService;
  readonly liveSessions: RunningEngine['engine']['liveSessions'];
  readonly replica: Pick<Replica, 'mayStartAutomations'>;
  readonly news: Pick<ResourceNotifier, 'documents'>;
}

/** The documents that clients define, and the queue of sessions that wait for a worker of an environment. */
export function openWorkQueue(
  { config, clock, ids, logger, closing }: Startup,
  { store, log, sessions, liveSessions, replica, news }: WorkQueueDeps,
): AsyncDisposable & { readonly documents: DocumentService; readonly queue: WorkQueue } {
  const { records } = store;
  const documents = news.documents(documentService({ records, clock, ids }));
  const queue = new WorkQueue({
    records,
    keys: new EnvironmentKeys({ records, peppers: () => readKeyPeppers(config, () => ids.token()), clock, ids }),
    clock,
    session: (id) => sessions.get(id),
    ownerOf: async (environment) => (await documents.get(environment)).owner,
    shared: store.shared,
  });
  const waiting = new WaitingSessions({
    queue,
    sessions,
    live: (id) => liveSessions.get(id)?.writer.record,
    events: store.events,
    leads: replica.mayStartAutomations,
    clock,
    warn: (about, text) => logger.warn(about, text),
  });
  log.onAppend(({ sessionId, facts }) => waiting.onFacts(sessionId, facts));
  const working = runInBackground(closing, (signal) => waiting.run(signal));
  return { documents, queue, [Symbol.asyncDispose]: () => working[Symbol.asyncDispose]() };
}
