import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { toSessionId } from '../../../api/procedure/session-id.ts';
import { hasMetadata } from '../../../api/views/session-options.ts';
import type { SessionRecord } from '../../../core/model/records.ts';
import { envelopeErrorStyle } from '../../../http/errors/error-style.ts';
import { idempotencyHeaderDocs } from '../../../http/routes/route-docs.ts';
import type { App, FacadeRoutes } from '../../../http/routes/routes.ts';
import { abortOnDisconnect } from '../../../http/transport/abort-on-disconnect.ts';
import { parseLatestCursor } from '../../../http/transport/cursor.ts';
import { envelopeReply, toSuccessEnvelope } from '../../shared/envelope.ts';
import { createChatHandler } from './chat.ts';
import {
  describeNonSessionRoute as about,
  describeRoute,
  type SheikhboxContext,
  type SheikhboxDeps,
  sessionsPath,
} from './context.ts';
import { FileInfoCache } from './files/file-infos.ts';
import { mountUploads } from './files/uploads.ts';
import { mountSessionAttributes, mountSessionSharing, mountShareLinks } from './marks.ts';
import { MetadataQuery, parseMetadataPairs, parseNewSession } from './new-session.ts';
import { acceptsEventStream, createFilePanel, createShellPanel, streamPanel } from './panels.ts';
import * as replies from './replies.ts';
import { ChatBody, EditBody, EventsQuery, FileBody, ForkBody, SessionParams as params, ShellBody } from './schemas.ts';
import { createEventJsonCache, createFrameCache } from './stream/frames.ts';
import { mountSessionListStream } from './stream/list-stream.ts';
import { streamEvents } from './stream/stream.ts';
import { readSessionHistoryJson, toSessionListItem } from './views.ts';
import { mountVnc } from './vnc.ts';

export function createSheikhboxRoutes(deps: SheikhboxDeps): FacadeRoutes {
  const infos = new FileInfoCache(deps.attached ?? deps.uploads);
  const { profile } = deps;
  const created = { frameOf: createFrameCache(profile, infos), textOf: createEventJsonCache(profile, infos) };
  const context: SheikhboxContext = { ...deps, infos, ...created };
  return {
    errors: { prefix: sessionsPath, style: envelopeErrorStyle },
    mount(app) {
      mountSessions(app, context);
      mountStreams(app, context);
      mountPanels(app, context);
      mountSessionListStream(app, context);
      mountSessionAttributes(app, context);
      mountFork(app, context);
      mountShareLinks(app, context);
      mountSessionSharing(app, context);
      mountVnc(app, context);
      mountUploads(app, context);
      mountFrontEndConfig(app);
    },
  };
}

function mountSessions(app: App, context: SheikhboxContext): void {
  const { sessions, profile } = context;
  app.put(
    sessionsPath,
    describeRoute('CreateSession', 'Create a session and its sandbox', {
      schema: { response: { 200: replies.createdSessionReply } },
      config: { once: 200 },
      description:
        'A body can have `template` (of the agent), `metadata` (own names and values), `lifetime_seconds` (then the session is deleted), `idle_seconds` (unused for so long, its sandbox is stopped), `egress` (`none`, or a list of the only hosts to reach of those that the server opens), `size` (`cpus`, `memory`), `services` (by their names, each with `image`, `command`, `env`, `ports`) or `compose` (the text of a compose file), `budget` (`turns`, `tokens`, `cost`, `seconds`: reached, the session waits and asks), `repositories` (each with `url`, `ref`, `path`, `depth`, `access`: fetched before the first use) and `author` (`name` and `email` of its commits); the rest is ignored. Answers before the sandbox is ready; the first use waits for it.',
      bodyExample: {
        template: 'default',
        metadata: { user: 'ada' },
        lifetime_seconds: 3600,
        egress: ['api.example.org'],
      },
      fails: [400, 409],
    }),
    async ({ rawBody }) => {
      const { id } = await sessions.create({ origin: 'sheikhbox', ...parseNewSession(rawBody) });
      return toSuccessEnvelope({ session_id: id });
    },
  );
  app.get(
    sessionsPath,
    describeRoute('ListSessions', 'List all sessions, the newest message first', {
      schema: { querystring: MetadataQuery, response: { 200: replies.sessionsReply } },
    }),
    async ({ query }, reply) => {
      const pairs = parseMetadataPairs(query);
      const isMatch = ({ metadata, parent }: SessionRecord) =>
        hasMetadata(metadata, pairs) && (query.parent === undefined || parent?.sessionId === query.parent);
      const texts = listTexts(sessions.pieces(), (one) => (isMatch(one) ? toSessionListItem(one, profile) : undefined));
      const first = await texts.next(); // failures here can still set the status
      const whole = (async function* () {
        yield first.value ?? '';
        yield* texts;
      })();
      return asJson(reply, Readable.from(whole));
    },
  );
  app.get(
    `${sessionsPath}/:sid`,
    describeRoute('GetSession', 'Get a session with its history', {
      schema: { params, response: { 200: replies.sessionReply } },
      fails: [404],
    }),
    async ({ params }, reply) => {
      const text = await readSessionHistoryJson(await sessions.get(toSessionId(params.sid)), context);
      return asJson(reply, text);
    },
  );
  app.delete(
    `${sessionsPath}/:sid`,
    describeRoute('DeleteSession', 'Delete a session, its sandbox and its files', {
      schema: { params, response: { 200: replies.emptyReply } },
      fails: [404],
    }),
    async ({ params }) => {
      await sessions.delete(toSessionId(params.sid));
      return toSuccessEnvelope(null);
    },
  );
  app.post(
    `${sessionsPath}/:sid/stop`,
    describeRoute('StopSession', 'Stop the active run of a session', {
      schema: { params, response: { 200: replies.emptyReply } },
      description: 'Answers when everything that the run started has ended. Stopping an idle session is a success.',
      fails: [404],
    }),
    async ({ params }) => {
      await sessions.stop(toSessionId(params.sid));
      return toSuccessEnvelope(null);
    },
  );
}

const asJson = (reply: FastifyReply, text: string | Readable) =>
  reply.type('application/json; charset=utf-8').send(text);

/** Yields the list in pieces, so that other requests are not blocked for long. */
async function* listTexts(
  pieces: AsyncIterable<readonly SessionRecord[]>,
  itemOf: (session: SessionRecord) => unknown,
): AsyncGenerator<string, undefined> {
  const [head, tail] = JSON.stringify(toSuccessEnvelope({ sessions: [] })).split('[]');
  let before = `${head}[`;
  for await (const piece of pieces) {
    const items = piece.map(itemOf).filter((item) => item !== undefined);
    if (items.length === 0) continue;
    yield `${before}${JSON.stringify(items).slice(1, -1)}`;
    before = ',';
  }
  yield `${before === ',' ? '' : before}]${tail}`;
}

function mountStreams(app: App, context: SheikhboxContext): void {
  const resume = { 'Last-Event-ID': 'resume after this event' };
  const answer = createChatHandler(context);
  app.post(
    `${sessionsPath}/:sid/chat`,
    describeRoute('Chat', 'Send a message and stream the answer', {
      schema: { params, body: ChatBody, response: { 200: replies.chatStreamReply } },
      config: { stream: true, reads: true },
      description: 'Without a message it only reconnects: the events after `event_id`, until the run ends or waits.',
      headers: { ...idempotencyHeaderDocs, ...resume },
      bodyExample: { message: 'Say hi\n```sh\necho hi\n```', timestamp: 1735689600 },
      fails: [400, 404, 409],
    }),
    (request, reply) => answer({ request, sid: request.params.sid, body: request.body }, reply),
  );
  app.get(
    `${sessionsPath}/:sid/events`,
    {
      ...describeRoute('Events', 'Follow a session, for EventSource', {
        schema: { params, querystring: EventsQuery, response: { 200: replies.eventStreamReply } },
        config: { stream: true },
        description:
          'Includes user messages and continues after a run ends. Without a cursor it starts with the active run, or now.',
        headers: resume,
        fails: [400, 404],
      }),
      exposeHeadRoute: false,
    },
    async ({ headers, query, params }, reply) => {
      const cursor = parseLatestCursor(headers['last-event-id'], query.last_event_id);
      const { id, lastSeq } = await context.sessions.get(toSessionId(params.sid));
      const active = await context.sessions.activeRun(id); // always called, because it rejects callers without permission
      if (cursor !== undefined) return streamEvents(reply, id, cursor, context);
      return streamEvents(reply, id, active ? active.startedSeq - 1 : lastSeq, context);
    },
  );
}

function mountPanels(app: App, context: SheikhboxContext): void {
  app.post(
    `${sessionsPath}/:sid/shell`,
    describeRoute('Shell', 'View a shell of the session', {
      schema: { params, body: ShellBody, response: { 200: replies.shellReply } },
      config: { reads: true },
      description: 'With `Accept: text/event-stream`: `event: shell` at once and on each change.',
      bodyExample: { session_id: 'main' },
      fails: [400, 404],
    }),
    async (request, reply) => {
      const panel = createShellPanel(toSessionId(request.params.sid), request.body.session_id, context);
      if (acceptsEventStream(request)) return streamPanel(reply, panel, context);
      return toSuccessEnvelope(await panel.read(abortOnDisconnect(reply)));
    },
  );
  app.post(
    `${sessionsPath}/:sid/file`,
    describeRoute('File', 'Read a file of the session', {
      schema: { params, body: FileBody, response: { 200: replies.fileReply } },
      config: { reads: true },
      description: 'With `Accept: text/event-stream`: `event: file` at once and on each change.',
      bodyExample: { file: '/workspace/notes.md' },
      fails: [400, 404, 413],
    }),
    async (request, reply) => {
      const panel = createFilePanel(toSessionId(request.params.sid), request.body.file, context);
      if (acceptsEventStream(request)) return streamPanel(reply, panel, context);
      return toSuccessEnvelope(await panel.read(abortOnDisconnect(reply)));
    },
  );
}

const Auth = z.object({ authenticated: z.literal(true), auth_provider: z.literal('none') });
const FrontEnd = z.object({
  auth_provider: z.literal('none'),
  show_github_button: z.boolean(),
  github_repository_url: z.string(),
  google_analytics_id: z.null(),
  claw_enabled: z.boolean(),
});
const auth: z.output<typeof Auth> = { authenticated: true, auth_provider: 'none' };
const frontEnd: z.output<typeof FrontEnd> = {
  auth_provider: 'none',
  show_github_button: false,
  github_repository_url: '',
  google_analytics_id: null,
  claw_enabled: false,
};

function mountFrontEndConfig(app: App): void {
  app.get(
    '/api/v1/auth/status',
    about('AuthStatus', 'Report that only the token is needed to log in', {
      schema: { response: { 200: envelopeReply(Auth, auth) } },
    }),
    async () => toSuccessEnvelope(auth),
  );
  app.get(
    '/api/v1/config/frontend',
    about('FrontEndConfig', 'Settings of the front end', {
      schema: { response: { 200: envelopeReply(FrontEnd, frontEnd) } },
    }),
    async () => toSuccessEnvelope(frontEnd),
  );
}

function mountFork(app: App, { sessions }: SheikhboxContext): void {
  app.post(
    `${sessionsPath}/:sid/fork`,
    describeRoute('Fork', 'Begin a new session where a step or a run of this one ended', {
      schema: { params, body: ForkBody, response: { 200: replies.forkedSessionReply } },
      config: { once: 200 },
      description:
        'The new session has the conversation up to there, and the files as of then: `forked_from.files` is `kept`, or says ' +
        'why it begins without files.',
      bodyExample: { seq: 20 },
      fails: [400, 404, 409],
    }),
    async ({ params: { sid }, body: { seq, title, files } }) => {
      const requested = { ...(seq && { seq }), ...(title && { title }), ...(typeof files === 'boolean' && { files }) };
      const { id, forkedFrom } = await sessions.fork(toSessionId(sid), { origin: 'sheikhbox', ...requested });
      const { sessionId = '', seq: at = 0, files: kept = 'off' } = forkedFrom ?? {};
      return toSuccessEnvelope({ session_id: id, forked_from: { session_id: sessionId, seq: at, files: kept } });
    },
  );
  app.post(
    `${sessionsPath}/:sid/edit`,
    describeRoute('Edit', 'Send a message in another wording, as a branch', {
      schema: { params, body: EditBody, response: { 200: replies.editedMessageReply } },
      config: { once: 200 },
      description:
        'The new session has everything before the message, and the files that the run before it left: `files` is ' +
        '`kept`, or says why it begins without files. The edited session stays as it is.',
      bodyExample: { seq: 21, message: 'Say hello instead' },
      fails: [400, 404, 409],
    }),
    async ({ params: { sid }, body: { seq, message: text, attachments, stop_run: stopsRun } }) => {
      const requested = { seq, text, attachments: attachments ?? [], stopsRun: stopsRun === true };
      const { session, sent } = await sessions.edit(toSessionId(sid), { origin: 'sheikhbox', ...requested });
      const { id, forkedFrom, branch } = session;
      return toSuccessEnvelope({
        session_id: id,
        branch: { session_id: branch?.sessionId ?? id, seq: branch?.seq ?? seq },
        files: forkedFrom?.files ?? 'off',
        run_id: sent.runId,
      });
    },
  );
}
