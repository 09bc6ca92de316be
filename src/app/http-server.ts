import { createPreviewLinks } from '../api/procedure/preview-links.ts';
import type { ApiKeyAdmin, ApiKeys } from '../auth/api-keys.ts';
import { createPrincipalResolver } from '../auth/key-ring.ts';
import { createLockout } from '../auth/lockout.ts';
import type { Memberships } from '../auth/memberships.ts';
import { createPeppers } from '../auth/pepper.ts';
import { createPeopleAdmin, type PeopleAdmin } from '../auth/sign-in/people-admin.ts';
import { createSignedUrls, type SignedUrls } from '../auth/signed-url.ts';
import { createTokenVerifier, type TokenHash } from '../auth/token.ts';
import type { FederatedTokenVerifier } from '../auth/tokens/program-tokens.ts';
import { SigningKeys } from '../auth/tokens/signing-keys.ts';
import type { Clock } from '../core/contracts/clock.ts';
import type { IdempotencyStore } from '../core/contracts/ports.ts';
import type { IdSource } from '../core/model/ids.ts';
import { adminPrincipal, forbiddenRoleError, nobodyPrincipal, type Principal } from '../core/model/principal.ts';
import { type FacadeSettings, facadeDescriptors } from '../facades/list.ts';
import type { FacadeDeps, FacadeProjectDeps, PageFiles, SandboxCapabilities } from '../facades/shared/facade.ts';
import type { ErrorStyle } from '../http/errors/error-style.ts';
import { createAuditRecorder } from '../http/guard/audit.ts';
import { getCurrentPrincipal, getCurrentRequestInfo } from '../http/guard/caller.ts';
import type { CallerContext } from '../http/guard/caller-context.ts';
import { ClientResolver } from '../http/guard/clients.ts';
import { createCallerCredentialRegistry } from '../http/guard/credentials.ts';
import { findPrincipal } from '../http/guard/guard.ts';
import { createIdempotency, installIdempotency } from '../http/guard/idempotency.ts';
import { ProxyAuthenticator } from '../http/guard/identity-proxy.ts';
import { createRateLimiter } from '../http/guard/rate-limit.ts';
import { BrowserAuthenticator } from '../http/guard/visitors.ts';
import { createApp } from '../http/routes/app.ts';
import type { RequestInterceptor } from '../http/routes/host-router.ts';
import type { HttpLogger, HttpMetrics } from '../http/routes/observe.ts';
import type { App } from '../http/routes/routes.ts';
import { createSocketServer } from '../http/transport/ws.ts';
import type { AuditLog } from '../observability/audit/log.ts';
import {
  auditProjectServices,
  auditServices,
  auditWorkspaces,
  withAudit,
} from '../sessions/access/audited-services.ts';
import { guardProjectServices } from '../sessions/access/guarded-projects.ts';
import { guardServices, guardWorkspaces } from '../sessions/access/guarded-services.ts';
import type { OperationServices, Services } from '../sessions/api/services.ts';
import type { SessionService } from '../sessions/api/sessions.ts';
import type { SharedSessionService } from '../sessions/api/shares.ts';
import type { WorkspaceService } from '../sessions/api/workspaces.ts';
import { hasIdentityProxy, isLoopback } from './settings/contradictions.ts';
import type { Config } from './settings/schema.ts';
import type { SignInServices } from './start/services/sign-ins.ts';

export type HttpConfig = Pick<
  Config,
  'host' | 'allowedHosts' | 'corsOrigins' | 'rateLimitPerMinute' | 'maxBodyBytes' | keyof FacadeSettings
> &
  Partial<
    Pick<Config, 'desktop' | 'trustedProxies' | 'identityProxy' | 'maxConnectionsPerAddress' | 'sandbox' | 'port'>
  > & {
    readonly token?: Config['token'] | TokenHash;
  };
export interface HttpServerDeps {
  readonly config: HttpConfig;
  readonly version: string;
  readonly sessions: SessionService;
  readonly services: Services & OperationServices;
  readonly shared?: SharedSessionService;
  readonly workers?: FacadeDeps['workers'];
  readonly programs?: FacadeDeps['programs'];
  readonly fetchPage?: FacadeDeps['fetchPage'];
  readonly opencodex?: FacadeProjectDeps;
  readonly workspaces?: WorkspaceService;
  readonly keys?: ApiKeys;
  readonly signIns?: SignInServices | undefined;
  readonly memberships?: Pick<Memberships, 'within'>;
  readonly tokens?: FederatedTokenVerifier | undefined;
  readonly audit?: Pick<AuditLog, 'write'> | undefined;
  readonly page: () => Promise<PageFiles>;
  readonly inbox: IdempotencyStore;
  readonly logger: HttpLogger;
  readonly metrics: HttpMetrics;
  /** Fires on shutdown: every stream ends, and every response closes its connection. */
  readonly closing: AbortSignal;
  readonly clock: Clock;
  readonly abilities?: SandboxCapabilities;
  /** Accepted as an alternative to the configured token while this server runs. */
  readonly localToken?: TokenHash | undefined;
  /** Tokens are derived from this secret. Undefined only in tests. */
  readonly peppers?: FacadeDeps['peppers'];
  readonly ids?: Pick<IdSource, 'short'>;
  /** Validates each reply against its documented schema. Slow, so only for tests and development. */
  readonly checkReplies?: boolean;
}

const credentialTexts = {
  failed: 'a wrong credential was presented',
  locked: 'an address was locked out for a minute: too many wrong credentials',
};

export async function buildHttpServer(deps: HttpServerDeps): Promise<App> {
  const { config, version, signIns, logger, metrics, closing, clock } = deps;
  const { within } = deps.memberships ?? { within: (caller: Principal) => caller };
  const keys = deps.keys && createPrincipalResolver(deps.keys, { signIns, tokens: deps.tokens, within });
  const styles = new Map<string, ErrorStyle>();
  const gate = createTokenVerifier(config.token, deps.localToken);
  const links = createSignedUrls(clock);
  const guesses = createLockout({
    clock,
    onFailure: (what, address) => {
      logger.warn({ audit: `auth.${what}`, address }, credentialTexts[what]);
      deps.audit?.write({ action: `auth.${what}`, outcome: 'unauthorized', by: 'nobody', address });
    },
  });
  if (signIns) {
    signIns.onEvent = ({ action, person, outcome }) => {
      const { address, request } = getCurrentRequestInfo();
      const role = person?.role ?? undefined;
      deps.audit?.write({
        action,
        outcome,
        by: person ? 'person' : 'nobody',
        key: person?.key,
        role,
        address,
        request,
      });
    };
  }
  const admits = async (token: string, address: string) => {
    await keys?.prepare([token]);
    const principal = findPrincipal([token], { gate, keys });
    if (!principal) guesses.failed(address);
    return principal;
  };
  const principalOf = () => getCurrentPrincipal(keys?.any ? nobodyPrincipal : adminPrincipal);
  const { services, projects, sign } = actingBy(deps, links.sign, principalOf);
  const signed = { ...links, sign };
  const limiter = config.rateLimitPerMinute > 0 ? createRateLimiter(config.rateLimitPerMinute, clock) : undefined;
  const clients = new ClientResolver(config.trustedProxies ?? []);
  const proxy = createIdentityProxy(deps, clients);
  const visitors = signIns && new BrowserAuthenticator({ ...signIns, proxy, within });
  const elsewhere: RequestInterceptor[] = proxy ? [proxy] : [];
  const { app, table } = createApp({
    elsewhere,
    guard: {
      loopback: isLoopback(config.host),
      allowedHosts: config.allowedHosts,
      isOwnName: (request) => elsewhere.some(({ answersTo }) => answersTo(request)),
      isForProgram: (request) => elsewhere.some(({ isForProgram }) => isForProgram(request)),
      corsOrigins: config.corsOrigins,
      gate,
      keys,
      visitors,
      signed: links,
      lockout: guesses,
      limiter,
    },
    styles,
    maxBodyBytes: config.maxBodyBytes,
    maxConnectionsPerAddress: config.maxConnectionsPerAddress,
    logger,
    metrics,
    clients,
    closing,
    clock,
    ids: deps.ids,
    checkReplies: deps.checkReplies,
  });
  const sockets = createSocketServer(app, {
    clock,
    closing,
    logger,
    styles,
    elsewhere,
    opened: () => metrics.streamOpened('websocket'),
  });
  const once = createIdempotency(deps.inbox, clock);
  installIdempotency(app, once);
  const principals = new WeakMap<Principal, CallerContext>();
  const acting = (principal: Principal): CallerContext => {
    const known = principals.get(principal);
    if (known) return known;
    const onceFor: CallerContext['once'] = (key, ...rest) =>
      once.onceFor(principal.key ? [principal.key, ...key] : key, ...rest);
    const { projects: ofCaller, ...acts } = actingBy(deps, links.sign, () => principal);
    const created = { ...acts, uploads: ofCaller?.uploads, principal, unchecked: deps.services, once: onceFor };
    principals.set(principal, created);
    return created;
  };
  const sse = { clock, closing, opened: () => metrics.streamOpened('sse') };
  const audit = createAuditRecorder({ ...deps, keys }, principalOf);
  const workspaces = deps.workspaces && guardWorkspaces(deps.workspaces, principalOf);
  const credentials = createCallerCredentialRegistry({
    token: config.token,
    gate,
    keys,
    limiter,
    lockout: guesses,
    audit: audit?.tell,
  });
  const secrets = deps.peppers ?? (async () => createPeppers([]));
  const parts: FacadeDeps = {
    version,
    services,
    drain: deps.services.drain,
    projects,
    acting,
    admits,
    sockets,
    sse,
    signed,
    table,
    metrics,
    logger,
    clock,
    idempotency: once,
    page: deps.page,
    shared: deps.shared,
    people: signIns && visitors && { signIn: signIns.signIn, visitors },
    workers: deps.workers,
    programs: deps.programs,
    fetchPage: deps.fetchPage,
    attached: deps.opencodex?.uploads,
    workspaces: workspaces && audit ? auditWorkspaces(workspaces, audit) : workspaces,
    clipboard: config.desktop?.clipboard ?? true,
    elsewhere,
    clients,
    credentials,
    peppers: secrets,
    previews: createPreviewLinks({ settings: config.previews, peppers: secrets, credentials }),
    limits: { cpus: config.sandbox?.cpus ?? 1, memory: config.sandbox?.memory ?? 0, disk: config.sandbox?.disk ?? 0 },
    abilities: deps.abilities ?? { freeze: false, keepsFiles: true },
    port: config.port ?? 0,
  };
  const sections: Readonly<Record<string, unknown>> = config;
  for (const [name, { routes }] of Object.entries(facadeDescriptors)) {
    for (const { errors, mount } of await routes(parts, sections[name] as never)) {
      if (errors) styles.set(errors.prefix, errors.style);
      mount(app);
    }
  }
  deps.programs?.open();
  return app;
}

function createIdentityProxy(
  { config, signIns, clock, logger }: HttpServerDeps,
  clients: ClientResolver,
): ProxyAuthenticator | undefined {
  const { identityProxy: settings } = config;
  if (!settings || !signIns || !hasIdentityProxy({ identityProxy: settings })) return undefined;
  const { subjectHeader, emailHeader, nameHeader, groupsHeader, tokenHeader, tokenKeys, tokenAudience } = settings;
  const now = () => clock.now();
  const warn = (about: object, text: string) => logger.warn(about, text);
  const keys = (from: string) => new SigningKeys({ name: 'The identity proxy', from: { keys: from }, now, warn });
  const signed =
    tokenHeader !== undefined && tokenKeys !== undefined && tokenAudience !== undefined
      ? { keys: keys(tokenKeys), audience: tokenAudience, issuer: settings.tokenIssuer }
      : undefined;
  const headers = {
    ...{ subject: subjectHeader, email: emailHeader, name: nameHeader, groups: groupsHeader },
    token: tokenHeader,
  };
  return new ProxyAuthenticator({ headers, signed, rules: settings, people: signIns.people, clients, now });
}

/** Limits the services, and signed links, to the caller's permissions. */
function actingBy(deps: HttpServerDeps, sign: SignedUrls['sign'], principalOf: () => Principal) {
  const raw = { ...deps.services, sessions: deps.sessions };
  const audit = createAuditRecorder(deps, principalOf);
  const parts = deps.opencodex && guardProjectServices(deps.opencodex, raw, principalOf);
  const services = guardServices(raw, { principalOf, ...(parts && { attach: parts.uploads.get }) });
  const keys: ApiKeyAdmin | undefined = deps.keys;
  const signIns = deps.signIns?.signIn;
  const people =
    keys &&
    deps.signIns &&
    signIns &&
    createPeopleAdmin({ ...deps.signIns, keys, allow: (...of) => signIns.allowCommand(...of) });
  const peopleActions = {
    change: 'person.change',
    endDevice: 'person.end-device',
    allowCommand: 'person.allow-command',
  };
  return {
    audit,
    services: audit ? auditServices(services, raw, audit) : services,
    projects: parts && audit ? auditProjectServices(parts, audit) : parts,
    keys:
      keys && audit ? withAudit(keys, { create: 'key.create', trust: 'key.trust', revoke: 'key.revoke' }, audit) : keys,
    people: people && audit ? withAudit<PeopleAdmin>(people, peopleActions, audit) : people,
    sign: ((what, lifeMs) => {
      const principal = principalOf();
      // a link could grant rights that a reader lacks, such as control of a desktop
      if (principal.role === 'reader') throw forbiddenRoleError(principal);
      return sign({ ...what, subject: principal.key }, lifeMs);
    }) satisfies SignedUrls['sign'],
  };
}
