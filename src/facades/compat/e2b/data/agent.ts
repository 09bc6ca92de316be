import { drainBody } from '../../../../http/transport/body-time.ts';
import { readHeader } from '../target.ts';
import { auditCall, type DataPlaneCall } from './call.ts';
import {
  ConnectError,
  failStream,
  isSandboxLossError,
  largeMessageLimits,
  readConnectMessage,
  sendConnectError,
  sendUnaryResponse,
  smallMessageLimits,
  toConnectError,
} from './connect.ts';
import { serveFiles } from './files.ts';
import { fileMethods, watchDir } from './filesystem.ts';
import { connectProcess, processMethods, startProcess } from './process.ts';
import { destroyConnection, sendErrorResponse, sendJson } from './refusals.ts';

interface Options {
  readonly maxUploadBytes: number;
  readonly root: 'alias' | 'refuse';
}
export const envdCallPathPattern = /^\/(process\.Process|filesystem\.Filesystem)\//;
type UnaryMethod = (typeof processMethods)[string];

const streams: Readonly<Record<string, (call: DataPlaneCall, message: unknown) => Promise<void>>> = {
  '/process.Process/Start': startProcess,
  '/process.Process/Connect': connectProcess,
  '/filesystem.Filesystem/WatchDir': watchDir,
};

const carryData: ReadonlySet<string> = new Set(['/process.Process/Start', '/process.Process/SendInput']);
export const envdCallPaths: readonly string[] = [
  ...Object.keys(streams),
  '/process.Process/StreamInput',
  ...Object.keys(processMethods).map((name) => `/process.Process/${name}`),
  ...Object.keys(fileMethods).map((name) => `/filesystem.Filesystem/${name}`),
];

export async function serveEnvdCall(call: DataPlaneCall, { maxUploadBytes, root }: Options): Promise<void> {
  const { request, response, url } = call;
  const { pathname: path } = url;
  const user = readUser(call);
  const isKnown = user === undefined || user === 'user' || (user === 'root' && root === 'alias');
  const isCall = envdCallPathPattern.test(path);
  if (!isKnown) {
    const message = `There is no user ${user} in this sandbox.`;
    if (!isCall) return sendErrorResponse(response, 401, message);
    return failCall(call, path, new ConnectError('unauthenticated', message));
  }
  if (isCall) return await serveCall(call, path);
  if (path === '/health') return void response.writeHead(204).end();
  if (path === '/files') return await serveFiles(call, maxUploadBytes);
  if (path === '/envs' && request.method === 'GET') {
    const variables = call.env.map((line) => line.split(/=(.*)/s).slice(0, 2));
    return sendJson(response, 200, Object.fromEntries(variables));
  }
  if (path === '/metrics' && request.method === 'GET') return await answerMetrics(call);
  sendErrorResponse(response, 404, 'There is no such route.');
}

async function serveCall(call: DataPlaneCall, path: string): Promise<void> {
  const { request, response, target } = call;
  const stream = Object.hasOwn(streams, path) ? streams[path] : undefined;
  const type = readHeader(target.headers, 'content-type') ?? '';
  const expected = isStream(path) ? 'application/connect+json' : 'application/json';
  if (!type.toLowerCase().startsWith(expected)) {
    response.setHeader('accept-post', expected);
    return void response.writeHead(415).end();
  }
  try {
    if (path === '/process.Process/StreamInput')
      throw new ConnectError('unimplemented', 'StreamInput is not available yet.');
    const limits = carryData.has(path) ? largeMessageLimits : smallMessageLimits;
    const message = await readConnectMessage(request, stream ? 'stream' : 'unary', limits);
    if (stream) return await stream(call, message);
    const method = findMethod(path);
    if (!method) throw new ConnectError('unimplemented', `There is no method ${path}.`);
    await using inside = await call.enter();
    const answer = await method(call, message, inside);
    auditCall(call);
    sendUnaryResponse(response, answer);
  } catch (thrown) {
    auditCall(call, { thrown });
    if (call.cut.aborted || isSandboxLossError(thrown) || response.headersSent) return destroyConnection(response);
    drainBody(request);
    failCall(call, path, toConnectError(thrown));
  }
}

const isStream = (path: string) => Object.hasOwn(streams, path) || path === '/process.Process/StreamInput';

export function failCall(
  { request, response }: Pick<DataPlaneCall, 'request' | 'response'>,
  path: string,
  error: ConnectError,
): void {
  if (isStream(path)) failStream(request, response, error);
  else sendConnectError(response, error);
}

async function answerMetrics({ response, clock, sample }: DataPlaneCall): Promise<void> {
  const found = await sample();
  if (!found) return sendErrorResponse(response, 503, 'The sandbox does not run yet.');
  const { cpuCount, cpuUsedPct, memTotal, memUsed, memCache, diskUsed, diskTotal } = found;
  sendJson(response, 200, {
    ts: Math.floor(clock.now() / 1_000),
    cpu_count: cpuCount,
    cpu_used_pct: cpuUsedPct,
    mem_total: memTotal,
    mem_used: memUsed,
    mem_cache: memCache,
    disk_used: diskUsed,
    disk_total: diskTotal,
  });
}

function findMethod(path: string): UnaryMethod | undefined {
  const [, service, name = ''] = path.split('/');
  const methods = service === 'process.Process' ? processMethods : fileMethods;
  return Object.hasOwn(methods, name) ? methods[name] : undefined;
}

/** The name in a Basic `authorization` header, or else `username` in the query. */
function readUser({ target, url }: DataPlaneCall): string | undefined {
  const [, basic] = /^Basic ([A-Za-z0-9+/=]+)$/i.exec(readHeader(target.headers, 'authorization') ?? '') ?? [];
  if (basic !== undefined) return Buffer.from(basic, 'base64').toString().split(':')[0] || undefined;
  return url.searchParams.get('username') || undefined;
}
