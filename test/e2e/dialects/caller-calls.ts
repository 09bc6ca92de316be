import WebSocket from 'ws';
import { Secret } from '../../../src/core/secret.ts';
import type { ComposedServer } from '../../support/composed.ts';
import type { Caller } from './caller-rules.ts';
import type { Targets } from './caller-targets.ts';

export interface Route {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly isSocket: boolean;
  readonly example: unknown;
}
/** The answer: its status or the socket's close code, and its text. */
export interface Said {
  readonly code: number;
  readonly text: string;
}

interface MethodDoc {
  readonly 'x-websocket'?: boolean;
  readonly requestBody?: { content: Record<string, { example?: unknown }> };
}

/** Every route and socket that the server's OpenAPI document describes. */
export async function routesOf(url: string): Promise<Route[]> {
  const { paths } = (await (await fetch(`${url}/openapi.json`)).json()) as {
    paths: Record<string, Record<string, MethodDoc>>;
  };
  return Object.entries({ ...paths, '/': paths['/'] ?? { get: {} } }).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, doc]) => ({
      ...{ name: `${method.toUpperCase()} ${path}`, method: method.toUpperCase(), path },
      isSocket: doc['x-websocket'] === true,
      example: Object.values(doc.requestBody?.content ?? {})[0]?.example,
    })),
  );
}

/** Calls a route of the server as a caller, about the given targets. */
export function callsTo(server: ComposedServer, credentials: (caller: Caller) => Record<string, string>) {
  async function request({ method, path, example }: Route, caller: Caller, to: Targets): Promise<Said> {
    const init: { method: string; headers: Record<string, string>; body?: string | FormData } = {
      method,
      headers: credentials(caller),
    };
    if (method === 'POST' && (path === '/api/v1/files' || path.includes('/files/upload/'))) {
      init.body = new FormData();
      init.body.append('file', new Blob(['hello']), 'c.txt');
    } else if (method !== 'GET' && method !== 'DELETE') {
      init.body = JSON.stringify(example ?? (path.endsWith('/exec') ? { command: 'true' } : {})).replace(
        '3f0b6f0e-7c1d-4a51-9f43-2f6f0f1f7a10',
        to.project,
      );
    }
    // Other callers delete it too, at the same time.
    if (method === 'DELETE' && path.includes('/api-keys/'))
      await server.core.opencodex.keys.put('gemini', new Secret('k'));
    const response = await fetch(server.url + filled(path, to), { ...init, signal: AbortSignal.timeout(10_000) });
    return { code: response.status, text: await begun(response) };
  }

  function connect({ path }: Route, caller: Caller, to: Targets): Promise<Said> {
    const { promise, resolve } = Promise.withResolvers<Said>();
    const socket = new WebSocket(server.url.replace('http', 'ws') + filled(path, to), { headers: credentials(caller) });
    socket.on('unexpected-response', (_, { statusCode }) => resolve({ code: statusCode ?? 0, text: '' }));
    socket.on('message', (data) => resolve({ code: 101, text: String(data) }));
    socket.on('close', (code, reason) => resolve({ code, text: String(reason) }));
    socket.on('error', () => {});
    return promise.finally(() => socket.terminate());
  }

  return { request, connect };
}

function filled(path: string, to: Targets): string {
  const query: Record<string, string> = {
    '/api/sessions/{sid}/files/content': '?path=report.md',
    '/api/v1/chats/{sid}/workspace/files/content': '?path=/workspace/report.md',
    '/api/v1/chats/{sid}/workspace/files/download': '?path=/workspace/report.md',
    '/api/v1/chats/{sid}/stream': '?after_seq=0',
    '/api/v1/chats/{sid}/workspace/download-all': '?type=output',
    '/ws/{sid}': '?after_seq=0',
    '/api/v1/sessions/{sid}/events': '?last_event_id=0',
    '/streams/sessions/{sid}/file': '?path=report.md',
    '/ws': '?user_id=someone',
    '/api/v1/chats': `?project_id=${to.project}`,
  };
  const id = path.includes('/files/') ? to.file : path.includes('/blocks/') ? to.block : to.action;
  const values: Record<string, string> = {
    ...{
      sid: to.sid,
      project_id: to.project,
      shell_id: to.terminal,
      id,
      pid: '1',
      link: '0123456789ab',
      name: 'app.js',
    },
    ...{ provider: 'gemini', template_id: 'default', credential: 'api' },
  };
  return path.replaceAll(/\{([^}]+)\}/g, (_, name: string) => values[name] ?? '') + (query[path] ?? '');
}

/** The beginning of a stream is enough: its first event, or the reason why there is none. */
export async function begun(response: Response): Promise<string> {
  const type = response.headers.get('content-type') ?? '';
  if (type.includes('octet-stream')) return String((await response.body?.getReader().read())?.value);
  if (!type.includes('event-stream')) return await response.text();
  let text = '';
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    text += Buffer.from(chunk).toString();
    if (/^data: \{.+/m.test(text)) break;
  }
  return text;
}
