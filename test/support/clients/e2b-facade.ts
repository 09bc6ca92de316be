import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { createPeppers, type Peppers } from '../../../src/auth/pepper.ts';
import { type Clock, systemClock } from '../../../src/core/contracts/clock.ts';
import { AppError } from '../../../src/core/errors/errors.ts';
import type { SessionLifetime } from '../../../src/core/model/records.ts';
import { Secret } from '../../../src/core/text/secret.ts';
import type { E2bSettings } from '../../../src/facades/compat/e2b/settings.ts';
import type { SandboxCapabilities } from '../../../src/facades/shared/facade.ts';
import type { AuditEntry } from '../../../src/observability/audit/row.ts';
import type { PathEntry, SandboxHandle } from '../../../src/sessions/api/sandbox-interior.ts';
import type { Services } from '../../../src/sessions/api/services.ts';
import { fakeService } from '../egress/fake-service.ts';
import { incapable } from '../sandboxes/incapable.ts';
import { testServer } from './http.ts';

/** The entry of a path in the home of a fake sandbox. */
export const pathEntry = (path: string): PathEntry => ({
  name: '',
  path,
  type: path === '/home/user' ? 'directory' : 'file',
  size: 4,
  mode: 0o644,
  owner: 'user',
  group: 'user',
  modified: '2026-01-01T00:00:00.000Z',
});
export const endlessLife: SessionLifetime = {
  endsAt: null,
  seconds: 60,
  onEnd: 'delete',
  paused: null,
  resumes: false,
  env: {},
  kind: 'base',
  privatePorts: false,
};

interface RequestOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}
interface FacadeAnswer {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: a test says what it expects
  readonly body: any;
}
interface Options {
  readonly settings?: Partial<E2bSettings>;
  readonly abilities?: Partial<SandboxCapabilities>;
  readonly token?: string;
  readonly rateLimitPerMinute?: number;
  readonly audit?: (entry: AuditEntry) => void;
  readonly clock?: Clock;
  readonly peppers?: Peppers;
  /** The interior of every sandbox; it supports nothing else. */
  readonly inside?: Partial<SandboxHandle>;
}

/** The E2B facade on a real port, over sandboxes that have only a state. */
export async function e2bFacade({
  settings = {},
  abilities = {},
  token,
  rateLimitPerMinute,
  audit,
  clock = systemClock,
  peppers = createPeppers([new Secret('a pepper for tests')]),
  inside = {},
}: Options = {}) {
  /** Calls that pause, resume or end the sandboxes, in order. */
  const did: string[] = [];
  /** Failures of the next calls of `start`. */
  const failing: AppError[] = [];
  const facade = {
    facade: 'on' as const,
    maxSeconds: 86_400,
    maxUploadBytes: 2 ** 20,
    domain: 'sandboxes.example',
    templates: ['base', 'v1=code-interpreter'],
    root: 'alias' as const,
    pause: 'memory' as const,
    ...settings,
  };
  const cannot = () => Promise.reject(new AppError('unsupported', 'The fake has no such ability.'));
  const nothing: SandboxHandle = {
    ...incapable(cannot),
    workdir: '/home/user',
    [Symbol.asyncDispose]: async () => {},
    code: {
      list: () => [],
      create: () => ({ id: '', language: 'python' }),
      execute: cannot,
      restart: cannot,
      remove: cannot,
    },
  };
  const fake = fakeService({ clock });
  const running = new Set<string>();
  const { sessions } = fake;
  const shown = async (...[id]: Parameters<typeof sessions.get>) => {
    const record = await sessions.get(id);
    return running.has(id) ? { ...record, sandboxState: 'running' as const } : record;
  };
  const server = await testServer({
    clock,
    fake: { ...fake, sessions: { ...sessions, get: shown } },
    ...(audit && { audit }),
    config: {
      e2b: facade,
      trustedProxies: ['127.0.0.1'],
      ...(token !== undefined && { token: new Secret(token) }),
      ...(rateLimitPerMinute !== undefined && { rateLimitPerMinute }),
    },
    more({ services }) {
      const power: Pick<Services['sandboxes'], 'start' | 'stop' | 'pause'> = {
        async start(id, signal) {
          const failure = failing.shift();
          if (failure) throw failure;
          did.push('start');
          running.add(id);
          return await services.sandboxes.start(id, signal);
        },
        async stop(id) {
          did.push('stop');
          return await services.sandboxes.stop(id);
        },
        async pause(id) {
          did.push('pause');
          return await services.sandboxes.status(id);
        },
      };
      return {
        services: {
          ...services,
          sandboxes: { ...services.sandboxes, ...power },
          inside: { admits: async () => {}, enter: async () => ({ ...nothing, ...inside }) },
        },
        abilities: { freeze: true, keepsFiles: true, ...abilities },
        peppers: async () => peppers,
      };
    },
  });

  const ask = (path: string, { method = 'GET', headers = {}, body }: RequestOptions = {}): Promise<FacadeAnswer> =>
    new Promise((done, fail) => {
      const pending = request(`${server.url}${path}`, { method, headers }, (answer) => {
        const { statusCode: status = 0, headers } = answer;
        text(answer).then((all) => {
          const parsed = /^[[{]/.test(all) ? parsedOrText(all) : all;
          done({ status, headers, text: all, body: parsed });
        }, fail);
      });
      pending.once('error', fail).end(body);
    });
  const api = (method: string, path: string, body?: object, headers: Record<string, string> = {}) =>
    ask(path, {
      method,
      headers: { 'x-api-key': token ?? 'any', ...headers },
      ...(body && { body: JSON.stringify(body) }),
    });
  const create = async (more: object = {}, headers: Record<string, string> = {}) => {
    const { body } = await api('POST', '/v2/sandboxes', { templateID: 'base', ...more }, headers);
    return {
      sid: body.sandboxID as string,
      access: body.envdAccessToken as string,
      traffic: body.trafficAccessToken as string,
    };
  };
  const port = (sid: string, number: number, path: string, { headers, ...requested }: RequestOptions = {}) =>
    ask(path, { ...requested, headers: { 'e2b-sandbox-id': sid, 'e2b-sandbox-port': String(number), ...headers } });
  /** A call of a sandbox's agent, with the token and JSON unless the headers say otherwise. */
  const agent = (
    { sid, access }: { readonly sid: string; readonly access: string },
    path: string,
    body: string | Buffer,
    more: Record<string, string> = {},
  ) => {
    const headers = { 'x-access-token': access, 'content-type': 'application/json', ...more };
    return port(sid, 49_983, path, { method: 'POST', body, headers });
  };
  const createPaused = async (more: object = {}) => {
    const sandbox = await create(more);
    await api('POST', `/sandboxes/${sandbox.sid}/pause`);
    return sandbox;
  };
  return {
    server,
    did,
    failing,
    ask,
    api,
    create,
    createPaused,
    port,
    agent,
    sessions,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

function parsedOrText(all: string): unknown {
  try {
    return JSON.parse(all);
  } catch {
    return all; // lines of JSON
  }
}
