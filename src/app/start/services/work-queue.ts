import { EnvironmentKeys } from '../../../auth/environment-keys.ts';
import { readKeyPeppers } from '../../../auth/pepper.ts';
import type { SessionService } from '../../../sessions/api/sessions.ts';
import { createDocumentService, createExpiredFileSweep } from '../../../sessions/documents/document-service.ts';
import { WorkEnqueuer } from '../../../sessions/work-queue/waiting-sessions.ts';
import { WorkQueue } from '../../../sessions/work-queue/work-queue.ts';
import type { ServerWithEngine } from '../engine.ts';
import { runInBackground } from '../startup.ts';

export function openWorkQueue(server: ServerWithEngine, sessions: SessionService) {
  const { config, ids, closing, log, liveSessions, projects } = server;
  const documents = server.news.documents(
    createDocumentService({ ...server, deleteUpload: projects.api.uploads.delete }),
  );
  const queue = new WorkQueue({
    ...server,
    keys: new EnvironmentKeys({ ...server, peppers: () => readKeyPeppers(config, () => ids.token()) }),
    session: (id) => sessions.get(id),
    readOwner: async (environment) => (await documents.get(environment)).owner,
  });
  const waiting = new WorkEnqueuer({
    ...server,
    queue,
    sessions,
    live: (id) => liveSessions.get(id)?.writer.record,
    leads: server.replica.mayStartAutomations,
  });
  log.onAppend(({ sessionId, facts }) => waiting.onFacts(sessionId, facts));
  const deleteExpiredFiles = createExpiredFileSweep(server, documents);
  return { documents, deleteExpiredFiles, queue, ...runInBackground(closing, (signal) => waiting.run(signal)) };
}
