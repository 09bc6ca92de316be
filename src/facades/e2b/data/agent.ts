import { headerOf } from '../headers.ts';
import type { Call } from './call.ts';
import { answerError, answerUnary, ConnectError, ConnectStream, connectError, isLost, messageOf } from './connect.ts';
import { serveFiles } from './files.ts';
import { fileMethods, watchDir } from './filesystem.ts';
import { connectProcess, processMethods, startProcess } from './process.ts';
import { answerJson, refuse } from './refusals.ts';

interface Options {
  readonly maxUploadBytes: number;
  readonly root: 'alias' | 'refuse';
}
type Unary = (typeof processMethods)[string];

const streams: Readonly<Record<string, (call: Call, message: unknown) => Promise<void>>> = {
  '/process.Process/Start': startProcess,
  '/process.Process/Connect': connectProcess,
  '/filesystem.Filesystem/WatchDir': watchDir,
};

/** The agent API of a sandbox: calls of two services, files, health. */
export async function serveAgent(call: Call, { maxUploadBytes, root }: Options): Promise<void> {
  const { request, response, url } = call;
  const { pathname: path } = url;
  const user = userOf(call);
  const isKnown = user === undefined || user === 'user' || (user === 'root' && root === 'alias');
  const isCall = /^\/(process\.Process|filesystem\.Filesystem)\//.test(path);
  if (!isKnown) {
    const message = `There is no user ${user} in this sandbox.`;
    return isCall
      ? answerError(response, new ConnectError('unauthenticated', message))
      : refuse(response, 401, message);
  }
  if (isCall) return await serveCall(call, path);
  if (path === '/health') return void response.writeHead(204).end();
  if (path === '/files') return await serveFiles(call, maxUploadBytes);
  if (path === '/envs' && request.method === 'GET') {
    const variables = call.env.map((line) => line.split(/=(.*)/s).slice(0, 2));
    return answerJson(response, 200, Object.fromEntries(variables));
  }
  if (path === '/metrics')
    return refuse(response, 501, 'Ask the control plane for metrics: GET /sandboxes/{id}/metrics.');
  refuse(response, 404, 'There is no such route.');
}

async function serveCall(call: Call, path: string): Promise<void> {
  const { request, response, target } = call;
  const stream = Object.hasOwn(streams, path) ? streams[path] : undefined;
  const type = headerOf(target.headers, 'content-type') ?? '';
  const wanted = stream || path.endsWith('/StreamInput') ? 'application/connect+json' : 'application/json';
  if (!type.toLowerCase().startsWith(wanted)) {
    response.setHeader('accept-post', wanted);
    return void response.writeHead(415).end();
  }
  try {
    if (path.endsWith('/StreamInput')) throw new ConnectError('unimplemented', 'StreamInput is not available yet.');
    const message = await messageOf(request, stream ? 'stream' : 'unary');
    if (stream) return await stream(call, message);
    const method = methodOf(path);
    if (!method) throw new ConnectError('unimplemented', `There is no method ${path}.`);
    await using inside = await call.enter();
    answerUnary(response, await method(call, message, inside));
  } catch (thrown) {
    if (call.cut.aborted || isLost(thrown) || response.headersSent) return void response.destroy();
    if (wanted === 'application/json') return answerError(response, connectError(thrown));
    using failed = new ConnectStream(request, response, {});
    failed.end(connectError(thrown));
  }
}

function methodOf(path: string): Unary | undefined {
  const [, service, name = ''] = path.split('/');
  const methods = service === 'process.Process' ? processMethods : fileMethods;
  return Object.hasOwn(methods, name) ? methods[name] : undefined;
}

/** The user that the request names, in a header without a password or in the query. */
function userOf({ target, url }: Call): string | undefined {
  const [, basic] = /^Basic ([A-Za-z0-9+/=]+)$/i.exec(headerOf(target.headers, 'authorization') ?? '') ?? [];
  if (basic !== undefined) return Buffer.from(basic, 'base64').toString().split(':')[0] || undefined;
  return url.searchParams.get('username') ?? undefined;
}
