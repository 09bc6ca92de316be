import type { HttpConfig, HttpServerDeps } from '../../../src/app/http-server.ts';
import { createPageLoader } from '../../../src/app/page/page.ts';
import { openApiKeys } from '../../../src/auth/api-keys.ts';
import { createPeppers } from '../../../src/auth/pepper.ts';
import { type Clock, systemClock } from '../../../src/core/contracts/clock.ts';
import { createIdSource } from '../../../src/core/model/ids.ts';
import { Secret } from '../../../src/core/text/secret.ts';
import type { HttpMetrics } from '../../../src/http/routes/observe.ts';
import type { AuditEntry } from '../../../src/observability/audit/row.ts';
import { type FakeOptions, type FakeService, fakeService } from '../egress/fake-service.ts';
import { type FakeServices, fakeServices } from '../egress/fake-services.ts';
import { call as request } from './call.ts';
import { listeningApp, sharedApp } from './shared-app.ts';

export type TestServer = Awaited<ReturnType<typeof testServer>>;

const defaults: HttpConfig = {
  host: '127.0.0.1',
  token: undefined,
  allowedHosts: [],
  corsOrigins: undefined,
  rateLimitPerMinute: 100_000,
  maxBodyBytes: 10 * 1024 * 1024,
  sheikhbox: { profile: 'current' },
  managedAgents: { facade: 'off', root: 'off', models: [] },
  e2b: {
    facade: 'off',
    maxSeconds: 86_400,
    maxUploadBytes: 2 ** 30,
    templates: ['base'],
    root: 'alias',
    pause: 'memory',
  },
  opencodex: { profile: 'current' },
  previews: { maxHours: 168 },
};

/** A real server on a real port, over a fake service, shared by tests that do not change the server itself. */
export async function testServer(
  options: {
    config?: Partial<HttpConfig>;
    clock?: Clock;
    play?: FakeOptions['play'];
    fake?: FakeService;
    audit?: (entry: AuditEntry) => void;
    /** Replaces parts of the server, which are fakes by default. */
    more?: (others: FakeServices) => Partial<HttpServerDeps>;
    /** The test shuts the server down, or inspects its connections. */
    own?: boolean;
  } = {},
) {
  const { config = {}, clock = systemClock, play } = options;
  const fake = options.fake ?? fakeService({ clock, ...(play && { play }) });
  const services = fakeServices(fake, clock);
  const lines: { readonly level: string; readonly text: string; readonly fields: Record<string, unknown> }[] = [];
  const requests: { method: string; route: string; status: number; seconds: number }[] = [];
  const log = (level: string) => (fields: object, text: string) =>
    void lines.push({ level, text, fields: fields as Record<string, unknown> });
  let streams = 0;
  const metrics: HttpMetrics = {
    contentType: 'text/plain; version=0.0.4; charset=utf-8',
    text: async () => `corral_streams_open{transport="sse"} ${streams}\n`,
    httpRequest: (request) => void requests.push(request),
    streamOpened: () => {
      streams++;
      return { [Symbol.dispose]: () => void streams-- };
    },
  };
  /** Shuts the server down if it belongs to the test. */
  const close = new AbortController();
  const keys = await openApiKeys({
    records: fake.store.records,
    clock,
    ids: createIdSource(),
    shared: false,
    hasToken: config.token !== undefined,
    peppers: async () => createPeppers([new Secret('a pepper for tests')]),
    warn: log('warn'),
  });
  const deps: HttpServerDeps = {
    config: { ...defaults, ...config },
    version: '1.2.3',
    sessions: fake.sessions,
    services: services.services,
    inbox: fake.store.inbox,
    page: createPageLoader(),
    keys,
    ...(options.audit && { audit: { write: options.audit } }),
    logger: { info: log('info'), warn: log('warn'), error: log('error') },
    metrics,
    closing: close.signal,
    clock,
    checkReplies: true,
    ...options.more?.(services),
  };
  const isOwn = options.own || config.token || config.rateLimitPerMinute || config.e2b || config.managedAgents;
  const listening = isOwn || options.audit ? await listeningApp(deps) : await sharedApp(deps);
  const { app, port, sockets } = listening;
  const url = `http://127.0.0.1:${port}`;

  const call = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
    request(method, url + path, { body, headers });
  return {
    url,
    port,
    fake,
    others: services,
    keys,
    lines,
    requests,
    streams: () => streams,
    app,
    sockets,
    close,
    call,
    newSession: async (): Promise<string> => (await call('PUT', '/api/v1/sessions')).body.data.session_id,
    async [Symbol.asyncDispose]() {
      close.abort();
      await listening[Symbol.asyncDispose]();
      keys[Symbol.dispose]();
    },
  };
}
