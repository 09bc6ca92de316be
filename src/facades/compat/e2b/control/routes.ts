import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { AppError, ignoreNotFound, toAppError } from '../../../../core/errors/errors.ts';
import { eventNoticeOf, eventSummaryOf, isNoteEvent } from '../../../../core/model/event-traits.ts';
import type { SessionEvent } from '../../../../core/model/events.ts';
import { SessionId } from '../../../../core/model/ids.ts';
import type { SessionRecord } from '../../../../core/model/records.ts';
import { wireErrors } from '../../../../http/errors/wire-errors.ts';
import type { App } from '../../../../http/routes/routes.ts';
import { abortOnDisconnect, abortUnlessIdempotent } from '../../../../http/transport/abort-on-disconnect.ts';
import type { FacadeDeps } from '../../../shared/facade.ts';
import type { DataPlaneSandboxes } from '../sandboxes.ts';
import { type E2bSettings, parseTemplateAliases } from '../settings.ts';
import { mountBuilds, toBuiltTemplateView } from './builds.ts';
import { explainPauseDowngrade, requireAllowedTimeout, resolvePauseMode, toNewSandboxSession } from './create.ts';
import { toSandboxPage } from './list.ts';
import { readMetricsSample } from './metrics.ts';
import { NetworkUpdate, rejectUnsupportedFields, toEgressRestriction, unsupportedNetworkFields } from './network.ts';
import { parseRequestBody, parseUrlQuery } from './parsed.ts';
import { replaceHeaderRules, toHeaderRules, toHeaderRulesView } from './rules.ts';
import { mountSecretRoutes } from './secrets.ts';
import {
  emulatedEnvdVersion,
  NewSandbox,
  PauseBody,
  SandboxParams,
  type SandboxViewDeps,
  TimeoutBody,
  toListedSandbox,
  toSandboxDetail,
  toSandboxWithTokens,
} from './shapes.ts';
import { mountSnapshotRoutes } from './snapshots.ts';
import { mountVolumeRoutes, readVolumeMountsView, toMountRequests } from './volumes.ts';

interface Deps extends SandboxViewDeps {
  readonly parts: Pick<FacadeDeps, 'services' | 'acting' | 'clock' | 'idempotency' | 'abilities'>;
  readonly settings: E2bSettings;
  readonly sandboxes: DataPlaneSandboxes;
}
const olderSeconds = 15;

export function mountControlPlane(app: App, deps: Deps): void {
  const { parts, settings, sandboxes } = deps;
  const { services, clock, idempotency, abilities } = parts;
  const known = async (sid: string): Promise<SessionRecord> => {
    const { success, data } = SessionId.safeParse(sid);
    if (!success) throw missing(sid);
    return await services.sessions.get(data).catch((thrown: unknown) => {
      throw toAppError(thrown).code === 'session_not_found' ? missing(sid) : thrown;
    });
  };
  const found = async (sid: string): Promise<SessionRecord> => {
    const record = await known(sid);
    if (isOver(record, clock.now())) throw missing(sid);
    return record;
  };
  const withLife = async (sid: string) => {
    const record = await found(sid);
    await services.inside.admits(record.id);
    if (!record.life) throw new AppError('conflict', `Sandbox ${sid} has no end that a program can set.`);
    return { record, life: record.life };
  };

  const findSnapshot = async (named: string) => {
    const [name = ''] = named.split(':');
    if (parseTemplateAliases(settings).has(name)) return undefined;
    return await services.snapshots.find(named).catch(ignoreNotFound);
  };
  const findBuilt = async (named: string) => {
    const [name = ''] = named.split(':');
    if (parseTemplateAliases(settings).has(name)) return undefined;
    return await services.templateBuilds.find(named).catch(ignoreNotFound);
  };
  const create = (seconds: number) => async (request: FastifyRequest, reply: FastifyReply) => {
    const requested = parseRequestBody(NewSandbox, request.body);
    const answer = await retrying(reply, async () =>
      idempotency.once(request, reply, async () => {
        const built = await findBuilt(requested.templateID);
        const snapshot = built ? undefined : await findSnapshot(requested.templateID);
        const isBuilt = built !== undefined;
        const { life, template, sandbox } = toNewSandboxSession(
          requested,
          { settings, abilities, snapshot, isBuilt },
          seconds,
        );
        const rules = await toHeaderRules(requested.network?.rules, services);
        const notice = explainPauseDowngrade(life, requested);
        if (notice !== undefined) reply.header('x-corral-notice', notice);
        const volumes = toMountRequests(requested.volumeMounts);
        const chosen = {
          ...(volumes && { volumes }),
          ...(template !== undefined && { template }),
          ...(sandbox && { sandbox }),
        };
        const { id } = await services.sessions.create({
          origin: 'e2b',
          title: `E2B ${life.kind}`,
          metadata: requested.metadata ?? {},
          life,
          ...(snapshot && { snapshot: snapshot.id }),
          ...(isBuilt && { built: requested.templateID }),
          ...chosen,
        });
        try {
          if (rules.length > 0) await replaceHeaderRules(id, rules, services);
          await services.sandboxes.start(id, abortUnlessIdempotent(reply));
        } catch (thrown) {
          await services.sessions.delete(id).catch(() => {});
          throw thrown;
        }
        const endsAt = clock.now() + life.seconds * 1_000;
        const record = await services.sessions.update(id, { life: { ...life, endsAt } });
        return toSandboxWithTokens(record, deps, request.principal);
      }),
    );
    reply.code(201);
    return answer;
  };
  app.post('/e2b/v2/sandboxes', body, create(300));
  app.post('/e2b/sandboxes', body, create(olderSeconds));

  const list = async (request: FastifyRequest, reply: FastifyReply) => {
    const query = parseUrlQuery(request);
    const all = await services.sessions.list();
    const { sessions, next, running } = toSandboxPage(
      all.filter((record) => !isOver(record, clock.now())),
      query,
    );
    reply.header('x-total-running', running);
    if (next !== undefined) reply.header('x-next-token', next);
    return sessions.map((record) => toListedSandbox(record, deps));
  };
  app.get('/e2b/v2/sandboxes', list);
  app.get('/e2b/sandboxes', list);
  app.get('/e2b/sandboxes/:sid', sid, async ({ params, principal }) => {
    const record = await found(params.sid);
    // Read-only callers must not get the sandbox token, which grants full access.
    const mayEnter = await isAllowed(services.inside.admits(record.id));
    const credentials = await services.sessionCredentials.list(record.id).catch(nothingIfForbidden);
    const token = mayEnter ? deps.tokens.access(record, principal) : undefined;
    const volumes = await readVolumeMountsView(record, services);
    return toSandboxDetail(record, deps, { token, rules: toHeaderRulesView(credentials), volumes });
  });
  app.delete('/e2b/sandboxes/:sid', sid, async ({ params }, reply) => {
    const { id } = await found(params.sid);
    await services.sessions.delete(id);
    sandboxes.cut(id);
    return reply.code(204).send();
  });

  const connect = async (value: string, request: FastifyRequest, reply: FastifyReply) => {
    const { timeout } = parseRequestBody(TimeoutBody, request.body);
    const seconds = requireAllowedTimeout(timeout, settings);
    const record = await known(value);
    const { life } = record;
    if (isOver(record, clock.now())) throw new AppError('conflict', `Sandbox ${value} is ending.`);
    if (life?.paused) {
      await services.inside.admits(record.id); // checked first, because the next step uses the server's own permissions
      await sandboxes.wake(record, seconds, request.principal);
      reply.code(201);
    } else if (life) {
      const endsAt = Math.max(life.endsAt ?? 0, clock.now() + seconds * 1_000);
      await services.sessions.update(record.id, { life: { ...life, endsAt } });
    } else await services.sandboxes.start(record.id, abortOnDisconnect(reply));
    await services.inside.admits(record.id); // the tokens grant access to everything in the sandbox
    return toSandboxWithTokens(await found(value), deps, request.principal);
  };
  for (const path of ['/e2b/v2/sandboxes/:sid/connect', '/e2b/sandboxes/:sid/connect']) {
    app.post(path, withBody, (request, reply) => connect(request.params.sid, request, reply));
  }
  app.post('/e2b/sandboxes/:sid/resume', withBody, async (request, reply) => {
    const { id, life } = await known(request.params.sid);
    await services.inside.admits(id);
    if (!life?.paused) throw new AppError('conflict', `Sandbox ${request.params.sid} runs already.`);
    return await connect(request.params.sid, request, reply);
  });
  const lengthen = async (request: FastifyRequest<{ Params: z.output<typeof SandboxParams> }>, reply: FastifyReply) => {
    const { timeout } = parseRequestBody(TimeoutBody, request.body);
    const seconds = requireAllowedTimeout(timeout, settings);
    const { record, life } = await withLife(request.params.sid);
    if (life.paused) throw missing(record.id);
    await services.sessions.update(record.id, { life: { ...life, endsAt: clock.now() + seconds * 1_000 } });
    return reply.code(204).send();
  };
  app.post('/e2b/sandboxes/:sid/timeout', withBody, lengthen);
  app.post('/e2b/sandboxes/:sid/refreshes', withBody, async ({ params, body: input }, reply) => {
    const { record, life } = await withLife(params.sid);
    const { duration = 60 } = (input ?? {}) as { duration?: number };
    const seconds = requireAllowedTimeout(Number(duration) || 60, settings);
    const endsAt = Math.max(life.endsAt ?? 0, clock.now() + seconds * 1_000);
    await services.sessions.update(record.id, { life: { ...life, endsAt } });
    return reply.code(204).send();
  });
  app.post('/e2b/sandboxes/:sid/pause', withBody, async ({ params, body: input, principal }, reply) => {
    const { memory } = parseRequestBody(PauseBody, input);
    const { record } = await withLife(params.sid);
    await sandboxes.pause(record.id, resolvePauseMode(memory ? 'memory' : 'files', settings, abilities), principal);
    return reply.code(204).send();
  });
  app.put('/e2b/sandboxes/:sid/network', withBody, async ({ params, body: input }, reply) => {
    const { allow_internet_access: allowed, ...network } = parseRequestBody(NetworkUpdate, input);
    const { record, life } = await withLife(params.sid);
    if (life.paused) throw new AppError('conflict', `Sandbox ${record.id} is paused. Connect to it first.`);
    rejectUnsupportedFields(network, unsupportedNetworkFields);
    const rules = await toHeaderRules(network.rules, services);
    await services.egress.narrow(record.id, toEgressRestriction(allowed, network) ?? null);
    await replaceHeaderRules(record.id, rules, services);
    return reply.code(204).send();
  });
  app.get('/e2b/sandboxes/:sid/metrics', sid, async (request, reply) => {
    const record = await found(request.params.sid);
    await services.inside.admits(record.id);
    const query = parseUrlQuery(request);
    const now = clock.now();
    const [start, end] = [Number(query.get('start') ?? 0), Number(query.get('end') ?? now / 1_000 + 1)];
    if (Number.isNaN(start + end)) throw new AppError('invalid_request', 'start and end are seconds since 1970.');
    if (record.life?.paused || end * 1_000 < now - 5_000 || start * 1_000 > now) return [];
    const sample = await readMetricsSample(record.id, services, abortOnDisconnect(reply));
    return sample
      ? [{ timestamp: new Date(now).toISOString(), timestampUnix: Math.floor(now / 1_000), ...sample }]
      : [];
  });

  mountSecretRoutes(app, services);
  mountBuilds(app, deps);
  mountVolumeRoutes(app, deps);
  mountSnapshotRoutes(app, { ...deps, withLife, statusOf: httpStatusOf });
  const logs = async (request: FastifyRequest<{ Params: z.output<typeof SandboxParams> }>) => {
    const record = await found(request.params.sid);
    const query = parseUrlQuery(request);
    const [cursor, limit] = [Number(query.get('cursor') ?? 0), Number(query.get('limit') ?? 1_000)];
    if (Number.isNaN(cursor) || !Number.isInteger(limit) || limit < 1 || limit > 1_000)
      throw new AppError('invalid_request', 'cursor is in ms since 1970, and limit from 1 to 1000.');
    const entries = [];
    for await (const event of services.sessions.history(record.id)) {
      if (event.ts < cursor) continue;
      entries.push(toLogEntry(event));
      if (entries.length === limit) break;
    }
    return { logs: entries };
  };
  app.get('/e2b/v2/sandboxes/:sid/logs', sid, logs);
  app.get('/e2b/sandboxes/:sid/logs', sid, async (request) => {
    const { logs: entries } = await logs(request);
    return { logs: entries.map(({ timestamp, message: line }) => ({ timestamp, line })), logEntries: entries };
  });

  const times = { createdAt: new Date(0).toISOString(), updatedAt: new Date(0).toISOString(), lastSpawnedAt: null };
  app.get('/e2b/v2/templates', async () => {
    const { cpuCount, memoryMB, diskSizeMB } = toListedSandbox({ createdAt: 0 } as SessionRecord, deps);
    const size = { cpuCount, memoryMB, diskSizeMB, envdVersion: emulatedEnvdVersion };
    const common = { public: false, ...size, spawnCount: 0, createdBy: null };
    const ofOperator = [...parseTemplateAliases(settings).keys()].map((name) => {
      const names = { templateID: name, buildID: name, names: [name], aliases: [name] };
      return { ...names, ...common, buildStatus: 'ready', buildCount: 1, ...times };
    });
    const built = (await services.templateBuilds.list()).map((one) => ({
      ...common,
      ...times,
      ...toBuiltTemplateView(one),
    }));
    return [...ofOperator, ...built];
  });
  app.get('/e2b/templates/aliases/:sid', sid, async ({ params }) => {
    const [name = ''] = params.sid.split(':');
    if (parseTemplateAliases(settings).has(name)) return { templateID: name, public: false };
    const built = await findBuilt(params.sid);
    if (built) return { templateID: built.id, public: false };
    const snapshot = await findSnapshot(params.sid);
    if (snapshot) return { templateID: snapshot.name ?? snapshot.id, public: false };
    throw new AppError('not_found', `There is no template ${name}.`);
  });
  app.all('/e2b/*', async (request) => {
    const path = request.url.slice('/e2b'.length).split('?')[0];
    throw new AppError('unsupported', `${request.method} ${path} is a feature of E2B that Corral does not have yet.`);
  });
}

const isAllowed = (check: Promise<void>): Promise<boolean> =>
  check.then(
    () => true,
    () => false,
  );
/** An operator without access to the sandbox's content gets no credentials. */
const nothingIfForbidden = (thrown: unknown): [] => {
  const { code } = toAppError(thrown);
  if (code === 'forbidden' || code === 'session_not_found') return [];
  throw thrown;
};

/** Whether the session is about to be deleted. */
const isOver = ({ life }: SessionRecord, now: number) =>
  life?.onEnd === 'delete' && life.endsAt !== null && life.endsAt <= now;

const sid = { schema: { params: SandboxParams } } as const;
// Parsed by the handler, because the body may be absent.
const body = { schema: { body: z.unknown() } } as const;
const withBody = { schema: { params: SandboxParams, body: z.unknown() } } as const;
const missing = (value: string) => new AppError('session_not_found', `Sandbox ${value} was not found.`);

/** Tells clients not to retry after a 5xx response, because the sandbox may exist despite the error. */
async function retrying<Result>(reply: FastifyReply, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (thrown) {
    const { code } = toAppError(thrown);
    const status = httpStatusOf(code);
    if (status === 429) reply.header('retry-after', '1');
    else if (status >= 500) reply.header('should-retry', 'false');
    throw thrown;
  }
}
export const httpStatusOf = (code: AppError['code']): number =>
  code === 'sandbox_capacity' ? 429 : code === 'sandbox_untrusted' ? 500 : wireErrors[code].http;

const levels = { info: 'info', warning: 'warn', error: 'error' } as const;

function toLogEntry(event: SessionEvent) {
  const notice = isNoteEvent(event) ? eventNoticeOf(event) : undefined;
  const level = notice ? (levels[notice.level as keyof typeof levels] ?? 'info') : 'info';
  return {
    timestamp: new Date(event.ts).toISOString(),
    level,
    message: `${event.type}: ${eventSummaryOf(event)}`,
    fields: { type: event.type, seq: String(event.seq) },
  };
}
