import { z } from 'zod';
import { maxForks, SnapshotName } from '../../../../api/views/snapshots.ts';
import { AppError, toAppError } from '../../../../core/errors/errors.ts';
import type { SessionLifetime, SessionRecord } from '../../../../core/model/records.ts';
import type { Snapshot } from '../../../../core/model/sandboxes/snapshot.ts';
import { toPublicMessage } from '../../../../http/errors/wire-errors.ts';
import type { App } from '../../../../http/routes/routes.ts';
import { abortOnDisconnect } from '../../../../http/transport/abort-on-disconnect.ts';
import type { FacadeDeps } from '../../../shared/facade.ts';
import type { E2bSettings } from '../settings.ts';
import { requireAllowedTimeout } from './create.ts';
import { paginate, parseRequestBody, parseUrlQuery } from './parsed.ts';
import { SandboxParams, type SandboxViewDeps, toSandboxWithTokens } from './shapes.ts';

interface Deps extends SandboxViewDeps {
  readonly parts: Pick<FacadeDeps, 'services' | 'clock'>;
  readonly settings: E2bSettings;
  /** Rejects: session_not_found, forbidden, conflict (the sandbox was not created through these SDKs). */
  readonly withLife: (sid: string) => Promise<{ readonly record: SessionRecord; readonly life: SessionLifetime }>;
  readonly statusOf: (code: AppError['code']) => number;
}
const NewSnapshot = z.object({ name: SnapshotName.nullish() });
const Fork = z.object({ count: z.int().min(1).max(maxForks).default(1), timeout: z.int().min(0).default(15) });
const withBody = { schema: { params: SandboxParams, body: z.unknown() } } as const;

/** The SDKs expect snapshot names to include a tag. */
const tagged = (name: string) => (name.includes(':') ? name : `${name}:default`);
const toView = ({ id, name }: Snapshot) => ({
  snapshotID: tagged(name ?? id),
  names: name === null ? [] : [tagged(name)],
});

/** Snapshots and forks copy only files, because no driver copies process memory. */
export function mountSnapshotRoutes(app: App, { withLife, statusOf, ...deps }: Deps): void {
  const { services, clock } = deps.parts;
  /** Rejects: conflict (paused). Copying would require resuming the sandbox. */
  const running = async (value: string) => {
    const found = await withLife(value);
    if (found.life.paused) throw new AppError('conflict', `Sandbox ${value} is paused. Connect to it first.`);
    return found;
  };

  app.post('/e2b/sandboxes/:sid/snapshots', withBody, async ({ params, body }, reply) => {
    const { record } = await running(params.sid);
    const { name } = parseRequestBody(NewSnapshot, body);
    const requested = { signal: abortOnDisconnect(reply), ...(name && { name: tagged(name) }) };
    reply.code(201);
    return toView(await services.snapshots.make(record.id, requested));
  });

  app.get('/e2b/snapshots', async (request, reply) => {
    const query = parseUrlQuery(request);
    const [sandbox, name] = [query.get('sandboxID'), query.get('name')];
    const all = (await services.snapshots.list())
      .filter((one) => sandbox === null || one.sessionId === sandbox)
      .filter((one) => name === null || one.name === tagged(name) || one.id === name.split(':')[0]);
    return paginate(all, query, reply).map(toView);
  });

  app.post('/e2b/sandboxes/:sid/fork', withBody, async ({ params, body, principal }, reply) => {
    const { count, timeout } = parseRequestBody(Fork, body);
    const seconds = requireAllowedTimeout(timeout, deps.settings);
    const { record } = await running(params.sid);
    const signal = abortOnDisconnect(reply);
    const life = (parent: SessionRecord) => parent.life && { ...parent.life, endsAt: null, paused: null, seconds };
    const created = await services.snapshots.fork(record.id, { count, origin: 'e2b', life, signal });
    const toEntry = async (one: (typeof created)[number]) => {
      try {
        if ('error' in one) throw one.error;
        const { id, life: own } = one.session;
        await services.sandboxes.start(id, signal).catch(async (thrown: unknown) => {
          await services.sessions.delete(id).catch(() => {});
          throw thrown;
        });
        const endsAt = clock.now() + seconds * 1_000;
        const started = await services.sessions.update(id, { life: { ...(own as SessionLifetime), endsAt } });
        return { sandbox: toSandboxWithTokens(started, deps, principal) };
      } catch (thrown) {
        const error = toAppError(thrown);
        return { error: { code: statusOf(error.code), message: toPublicMessage(error) } };
      }
    };
    reply.code(201);
    return await Promise.all(created.map(toEntry));
  });
}
