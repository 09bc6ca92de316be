import { createHash, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import type { ServerDependencies } from '../../core/contracts/server-parts.ts';
import { AppError } from '../../core/errors/errors.ts';
import { sharedEventTypes } from '../../core/model/event-traits.ts';
import type { SessionEvent } from '../../core/model/events.ts';
import { type IdSource, SessionId } from '../../core/model/ids.ts';
import type { SandboxClient } from '../../sandboxes/client/client.ts';
import type { SessionService } from '../api/sessions.ts';
import type { SharedSessionService, ShareService, ShareView } from '../api/shares.ts';
import type { SandboxAccess } from '../engine/sandbox/sandbox-access.ts';

interface Deps extends Pick<ServerDependencies, 'clock' | 'records'> {
  readonly sessions: Pick<SessionService, 'get' | 'page'>;
  readonly sandboxes: Pick<SandboxAccess, 'look'>;
  readonly ids: Pick<IdSource, 'short' | 'token'>;
}
const kind = 'share'; // ids are `<session>:<share>`, so that links are deleted with their session
const Stored = z.object({ hash: z.string(), createdAt: z.number(), expiresAt: z.number(), files: z.boolean() });
const maxLinks = 100;
const pageSize = 500;
const maxFileBytes = 2 * 1024 * 1024;
const form = /^([0-9a-f]{16})[.]([0-9a-f]{12})[.]([\w-]{43})$/;

const hashOf = (secret: string) => createHash('sha256').update('corral share').update(secret).digest();
const unknown = () =>
  new AppError('not_found', 'This link is not valid: it has expired, was revoked, or is incomplete.');

/** Links are 256-bit secrets, stored as hashes. */
export function createShareService({
  records,
  sessions,
  sandboxes,
  clock,
  ids,
}: Deps): ShareService & SharedSessionService {
  const toView = (name: string, doc: unknown): ShareView => {
    const { hash: _, ...view } = Stored.parse(doc);
    return { id: name.slice(17), ...view };
  };
  const all = (id: SessionId) => records.list(kind, { idPrefix: `${id}:` });

  async function open(token: string): Promise<{ readonly id: SessionId; readonly share: ShareView }> {
    const [, session = '', share = '', secret = ''] = form.exec(token) ?? [];
    const found = await records.get(kind, `${session}:${share}`);
    const stored = found && Stored.parse(found.doc);
    const isRight = stored && timingSafeEqual(Buffer.from(stored.hash, 'hex'), hashOf(secret));
    if (!found || !isRight || stored.expiresAt <= clock.now()) throw unknown();
    return { id: SessionId.parse(session), share: toView(found.id, found.doc) };
  }

  async function files(token: string, signal: AbortSignal): Promise<SandboxClient> {
    const { id, share } = await open(token);
    if (!share.files) throw new AppError('forbidden', 'This link does not share files.');
    await sessions.get(id).catch(() => {
      throw unknown();
    });
    const client = await sandboxes.look(id, signal);
    if (client) return client;
    throw new AppError(
      'sandbox_not_found',
      'The files cannot be read while the sandbox is not running. Ask the owner to start it.',
    );
  }

  return {
    async create(id, { lifeMs, files }) {
      await sessions.get(id);
      const now = clock.now();
      const links = await all(id);
      const over = links.filter(({ doc }) => Stored.parse(doc).expiresAt <= now);
      for (const { id: name } of over) await records.delete(kind, name);
      if (links.length - over.length >= maxLinks)
        throw new AppError('conflict', `The session already has ${maxLinks} links. Revoke some first.`);
      const [share, secret] = [ids.short(), ids.token()];
      const doc = { hash: hashOf(secret).toString('hex'), createdAt: now, expiresAt: now + lifeMs, files };
      await records.put({ kind, id: `${id}:${share}`, doc, sort: now });
      return { token: `${id}.${share}.${secret}`, view: toView(`${id}:${share}`, doc) };
    },
    async list(id) {
      await sessions.get(id);
      const views = (await all(id)).map(({ id: name, doc }) => toView(name, doc));
      return views.filter(({ expiresAt }) => expiresAt > clock.now());
    },
    async revoke(id, share) {
      await sessions.get(id);
      await records.delete(kind, `${id}:${share}`);
    },

    async read(token, after) {
      const { id, share } = await open(token);
      const record = await sessions.get(id).catch(() => {
        throw unknown();
      });
      const { events, head } = await sessions.page(id, after, pageSize);
      const isInside = events[0]?.type.startsWith('message.');
      const before = isInside && (await sessions.page(id, Math.max(0, after - maxRequestEvents), maxRequestEvents));
      const { title, status, createdAt } = record;
      return {
        session: { title, status, createdAt },
        events: withoutRequests(before ? before.events.filter(({ seq }) => seq <= after) : [], events)
          .filter(({ type }) => sharedEventTypes.has(type))
          .map(withoutDetails),
        after: events.at(-1)?.seq ?? head,
        head,
        share,
      };
    },
    async listFiles(token, path, signal) {
      const entries = await (await files(token, signal)).listFiles(path, signal);
      return entries.filter(({ name }) => path !== '.' || name !== '.corral'); // a `.corral` inside a repository stays visible
    },
    async readFile(token, path, signal) {
      return await (await files(token, signal)).readFile(path, signal, { maxBytes: maxFileBytes });
    },
  };
}

/** Maximum number of earlier events to search for an approval request. */
const maxRequestEvents = 100;

/** Drops messages that repeat an approval request, because they contain the tool call. */
function withoutRequests(before: readonly SessionEvent[], events: readonly SessionEvent[]): SessionEvent[] {
  let isAsking = false;
  const isShown = ({ type }: SessionEvent): boolean => {
    const isMessage = type.startsWith('message.');
    if (!isMessage) isAsking = type === 'approval.requested';
    return !(isMessage && isAsking && type !== 'message.user');
  };
  before.forEach(isShown);
  return events.filter(isShown);
}

/** Hides approval questions, errors and goals, because they can contain commands or their output. */
function withoutDetails(event: SessionEvent): SessionEvent {
  if (event.type === 'run.wait' && event.data.reason === 'approval')
    return { ...event, data: { ...event.data, question: 'The agent is waiting for approval.' } };
  if (event.type === 'run.error')
    return { ...event, data: { error: 'The run failed. Ask the owner of the session about the cause.' } };
  if (event.type === 'message.user') {
    const { goal: _, ...data } = event.data;
    return { ...event, data };
  }
  if (event.type !== 'run.end') return event;
  const { goal: _, ...data } = event.data;
  return { ...event, data };
}
