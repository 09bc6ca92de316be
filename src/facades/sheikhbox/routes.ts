import { laterCursor } from '../shared/cursor.ts';
import { envelope } from '../shared/error-style.ts';
import type { App, Dialect } from '../shared/routes.ts';
import { whileConnected } from '../shared/while-connected.ts';
import { chat } from './chat.ts';
import { base, type SheikhboxContext, type SheikhboxDeps, sessionId } from './context.ts';
import * as doc from './docs.ts';
import { FileInfos } from './file-infos.ts';
import { frameCache, textCache } from './frames.ts';
import { mountList } from './list-stream.ts';
import { mountMarks } from './marks.ts';
import { filePanel, shellPanel, streamPanel, wantsStream } from './panels.ts';
import { ChatBody, EventsQuery, FileBody, SessionParams, ShellBody, success } from './schemas.ts';
import { mountShared } from './shared-view.ts';
import { streamEvents } from './stream.ts';
import { mountFrontEnd, mountUploads } from './uploads.ts';
import { listItem, sessionText } from './views.ts';
import { mountVnc } from './vnc.ts';

export function sheikhbox(deps: SheikhboxDeps): Dialect {
  const infos = new FileInfos(deps.attached ?? deps.uploads);
  const { profile } = deps;
  const made = { frameOf: frameCache(profile, infos), textOf: textCache(profile, infos) };
  const context: SheikhboxContext = { ...deps, infos, ...made };
  return {
    errors: { prefix: base, style: envelope },
    mount(app) {
      mountSessions(app, context);
      mountStreams(app, context);
      mountPanels(app, context);
      mountList(app, context);
      mountMarks(app, context);
      mountShared(app, context);
      mountVnc(app, context);
      mountUploads(app, context);
      mountFrontEnd(app);
    },
  };
}

function mountSessions(app: App, context: SheikhboxContext): void {
  const { sessions, idempotency, profile } = context;
  app.put(base, { config: { doc: doc.createSession } }, (request, reply) =>
    idempotency.once(request, reply, async () => {
      const { id } = await sessions.create({ origin: 'sheikhbox' });
      return success({ session_id: id });
    }),
  );
  app.get(base, { config: { doc: doc.listSessions } }, async () =>
    success({ sessions: (await sessions.list()).map((session) => listItem(session, profile)) }),
  );
  app.get(
    `${base}/:sid`,
    { schema: { params: SessionParams }, config: { doc: doc.getSession } },
    async ({ params }, reply) => {
      const text = await sessionText(await sessions.get(sessionId(params.sid)), context);
      return reply.type('application/json; charset=utf-8').send(text);
    },
  );
  app.delete(
    `${base}/:sid`,
    { schema: { params: SessionParams }, config: { doc: doc.deleteSession } },
    async ({ params }) => {
      await sessions.delete(sessionId(params.sid));
      return success(null);
    },
  );
  app.post(
    `${base}/:sid/stop`,
    { schema: { params: SessionParams }, config: { doc: doc.stopSession } },
    async ({ params }) => {
      await sessions.stop(sessionId(params.sid));
      return success(null);
    },
  );
}

function mountStreams(app: App, context: SheikhboxContext): void {
  const answer = chat(context);
  app.post(
    `${base}/:sid/chat`,
    { schema: { params: SessionParams, body: ChatBody }, config: { doc: doc.chat, stream: true } },
    (request, reply) => answer({ request, sid: request.params.sid, body: request.body }, reply),
  );
  app.get(
    `${base}/:sid/events`,
    {
      schema: { params: SessionParams, querystring: EventsQuery },
      config: { doc: doc.events, stream: true },
      exposeHeadRoute: false,
    },
    async ({ headers, query, params }, reply) => {
      const cursor = laterCursor(headers['last-event-id'], query.last_event_id);
      const { id, lastSeq } = await context.sessions.get(sessionId(params.sid));
      const active = await context.sessions.activeRun(id); // always called, because it rejects callers without permission
      if (cursor !== undefined) return streamEvents(reply, id, cursor, context);
      return streamEvents(reply, id, active ? active.startedSeq - 1 : lastSeq, context);
    },
  );
}

function mountPanels(app: App, context: SheikhboxContext): void {
  app.post(
    `${base}/:sid/shell`,
    { schema: { params: SessionParams, body: ShellBody }, config: { doc: doc.shell, reads: true } },
    async (request, reply) => {
      const panel = shellPanel(sessionId(request.params.sid), request.body.session_id, context);
      if (wantsStream(request)) return streamPanel(reply, panel, context);
      return success(await panel.look(whileConnected(reply)));
    },
  );
  app.post(
    `${base}/:sid/file`,
    { schema: { params: SessionParams, body: FileBody }, config: { doc: doc.file, reads: true } },
    async (request, reply) => {
      const panel = filePanel(sessionId(request.params.sid), request.body.file, context);
      if (wantsStream(request)) return streamPanel(reply, panel, context);
      return success(await panel.look(whileConnected(reply)));
    },
  );
}
