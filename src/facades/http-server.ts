import type { ApiKeys, KeyAdmin } from '../auth/api-keys.ts';
import { lockout } from '../auth/lockout.ts';
import { type SignedUrls, signedUrls } from '../auth/signed-url.ts';
import { type TokenHash, tokenGate } from '../auth/token.ts';
import { isLoopback } from '../config/contradictions.ts';
import type { Config } from '../config/schema.ts';
import { type Actor, everybody, nobody, tooWeak } from '../core/actor.ts';
import type { Clock } from '../core/clock.ts';
import type { IdSource } from '../core/ids.ts';
import type { Inbox } from '../core/ports.ts';
import type { AuditLog } from '../observability/audit/log.ts';
import { audited, auditedParts, auditedServices, auditedWorkspaces } from '../session/access/audited-services.ts';
import { guardedParts } from '../session/access/guarded-projects.ts';
import { guarded, guardedWorkspaces } from '../session/access/guarded-services.ts';
import type { Services } from '../session/api/services.ts';
import type { SessionService } from '../session/api/sessions.ts';
import type { WorkspaceService } from '../session/workspaces/workspaces.ts';
import { cambio } from './cambio/routes.ts';
import { crogia } from './crogia/routes.ts';
import { desktopRoutes } from './desktop/routes.ts';
import { type OpencodexParts, opencodex } from './opencodex/routes.ts';
import { serverRoutes } from './server/routes.ts';
import { createApp } from './shared/app.ts';
import { auditOf } from './shared/audit.ts';
import { callingActor } from './shared/caller.ts';
import { conversation } from './shared/conversation/socket.ts';
import type { ErrorStyle } from './shared/error-style.ts';
import { actorFor } from './shared/guard.ts';
import { idempotency } from './shared/idempotency.ts';
import type { HttpLogger, HttpMetrics } from './shared/observe.ts';
import { rateLimiter } from './shared/rate-limit.ts';
import type { App, Dialect } from './shared/routes.ts';
import { socketServer } from './shared/ws.ts';
import { sheikhbox } from './sheikhbox/routes.ts';
import type { TrpcActing } from './trpc/context.ts';
import { trpc } from './trpc/routes.ts';
import { workspace } from './workspace/routes.ts';

export type HttpConfig = Pick<
  Config,
  'host' | 'allowedHosts' | 'corsOrigins' | 'rateLimitPerMinute' | 'maxBodyBytes' | 'sheikhbox' | 'opencodex'
> &
  Partial<Pick<Config, 'desktop' | 'maxConnectionsPerAddress'>> & { readonly token?: Config['token'] | TokenHash };
export interface HttpServerDeps {
  readonly config: HttpConfig;
  readonly version: string;
  readonly sessions: SessionService;
  /** The other services, next to the sessions. */
  readonly services: Services;
  /** The parts that only this dialect uses. */
  readonly opencodex?: OpencodexParts;
  /** Undefined: the server has no Workspace dialect. */
  readonly workspaces?: WorkspaceService;
  /** API keys, next to the token. */
  readonly keys?: ApiKeys;
  /** Records who did what; undefined: no audit log. */
  readonly audit?: Pick<AuditLog, 'write'> | undefined;
  readonly inbox: Inbox;
  readonly logger: HttpLogger;
  readonly metrics: HttpMetrics;
  /** Fires when the server shuts down: every stream ends, and every answer closes its connection. */
  readonly closing: AbortSignal;
  readonly clock: Clock;
  /** Makes the ids of requests. */
  readonly ids?: Pick<IdSource, 'short'>;
}

const credentialTexts = {
  failed: 'a wrong credential was shown',
  locked: 'an address was locked out for a minute: too many wrong credentials',
};

/** Builds the whole HTTP server, which does not listen yet. A new dialect needs one folder and one line here. */
export function httpServer(deps: HttpServerDeps): App {
  const { config, version, keys, logger, metrics, closing, clock } = deps;
  const styles = new Map<string, ErrorStyle>();
  const gate = tokenGate(config.token);
  const links = signedUrls(clock);
  const guesses = lockout({
    clock,
    heard: (what, address) => {
      logger.warn({ audit: `auth.${what}`, address }, credentialTexts[what]);
      deps.audit?.write({ action: `auth.${what}`, outcome: 'unauthorized', by: 'nobody', address });
    },
  });
  const admits = (token: string, address: string) => {
    const actor = actorFor([token], { gate, keys });
    if (!actor) guesses.failed(address);
    return actor;
  };
  const actorOf = () => callingActor(keys?.any ? nobody : everybody);
  const { services, opencodex: parts, sign } = actingBy(deps, links.sign, actorOf);
  const { sessions } = services;
  const signed = { ...links, sign };
  const { app, table } = createApp({
    guard: {
      loopback: isLoopback(config.host),
      allowedHosts: config.allowedHosts,
      corsOrigins: config.corsOrigins,
      gate,
      keys,
      signed: links,
      lockout: guesses,
      limiter: config.rateLimitPerMinute > 0 ? rateLimiter(config.rateLimitPerMinute, clock) : undefined,
    },
    styles,
    maxBodyBytes: config.maxBodyBytes,
    maxConnectionsPerAddress: config.maxConnectionsPerAddress,
    logger,
    metrics,
    closing,
    clock,
    ids: deps.ids,
  });
  const sockets = socketServer(app, {
    clock,
    closing,
    logger,
    styles,
    opened: () => metrics.streamOpened('websocket'),
  });
  const once = idempotency(deps.inbox, clock);
  const actors = new WeakMap<Actor, TrpcActing>();
  const acting = (actor: Actor): TrpcActing => {
    const known = actors.get(actor);
    if (known) return known;
    const { services, sign, keys } = actingBy(deps, links.sign, () => actor);
    const onceFor: TrpcActing['once'] = (key, ...rest) => once.onceFor(actor.key ? [actor.key, ...key] : key, ...rest);
    const made = { actor, services, sign, keys, once: onceFor };
    actors.set(actor, made);
    return made;
  };
  const sse = { clock, closing, opened: () => metrics.streamOpened('sse') };
  const dialects: Dialect[] = [
    serverRoutes({ sessions, metrics, clock, version, table }),
    sheikhbox({
      sessions,
      idempotency: once,
      sse,
      clock,
      logger,
      profile: config.sheikhbox.profile,
      sockets,
      signed,
      ...(parts && { uploads: parts.uploads }),
      ...(deps.opencodex && { attached: deps.opencodex.uploads }),
      maxUploadBytes: parts?.maxUploadBytes ?? 0,
      desktop: services.desktop,
      clipboard: config.desktop?.clipboard ?? false,
    }),
    cambio({ sessions, idempotency: once }),
    conversation({ sessions, clock, logger }, sockets),
    desktopRoutes({ desktop: services.desktop }),
    crogia({ ...services, idempotency: once, sockets, clock, logger }),
    trpc({ acting, version, clock, admits, sockets, sse, logger }),
  ];
  if (deps.workspaces) {
    const allowed = guardedWorkspaces(deps.workspaces, actorOf);
    const audit = auditOf(deps, actorOf);
    const workspaces = audit ? auditedWorkspaces(allowed, audit) : allowed;
    dialects.push(workspace({ workspaces, sockets, clock, logger }));
  }
  if (parts)
    dialects.push(
      opencodex({ ...parts, services, idempotency: once, sockets, clock, profile: config.opencodex.profile }),
    );
  for (const { errors, mount } of dialects) {
    if (errors) styles.set(errors.prefix, errors.style);
    mount(app);
  }
  return app;
}

/**
 * Builds the input of the dialects: the services with the caller's permissions, and links that grant no more than the
 * caller has.
 */
function actingBy(deps: HttpServerDeps, sign: SignedUrls['sign'], actorOf: () => Actor) {
  const raw = { ...deps.services, sessions: deps.sessions };
  const audit = auditOf(deps, actorOf);
  const parts = deps.opencodex && guardedParts(deps.opencodex, raw, actorOf);
  const services = guarded(raw, { actorOf, ...(parts && { attach: parts.uploads.get }) });
  const keys: KeyAdmin | undefined = deps.keys;
  return {
    services: audit ? auditedServices(services, raw, audit) : services,
    opencodex: parts && audit ? auditedParts(parts, audit) : parts,
    keys: keys && audit ? audited(keys, { create: 'key.create', revoke: 'key.revoke' }, audit) : keys,
    sign: ((what, lifeMs) => {
      const actor = actorOf();
      if (actor.role === 'reader') throw tooWeak(actor); // the link would let anyone use what only a reader may watch
      return sign({ ...what, subject: actor.key }, lifeMs);
    }) satisfies SignedUrls['sign'],
  };
}
