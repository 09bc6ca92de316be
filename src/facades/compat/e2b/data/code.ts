import { once } from 'node:events';
import { z } from 'zod';
import { AppError, toAppError } from '../../../../core/errors/errors.ts';
import { createIdSource } from '../../../../core/model/ids.ts';
import { parseJson } from '../../../../core/text/json.ts';
import { toPublicMessage } from '../../../../http/errors/wire-errors.ts';
import { drainBody } from '../../../../http/transport/body-time.ts';
import type {
  CodeContexts,
  CodeLanguage,
  CodeListener,
  CodeResult,
} from '../../../../sessions/api/sandbox-interior.ts';
import { type DataPlaneCall, resolveSandboxPath } from './call.ts';
import { ConnectError, largeMessageLimits, parseConnectMessage, readRequestBody } from './connect.ts';
import { destroyConnection, sendJson } from './refusals.ts';

const names: Readonly<Record<string, string>> = {
  'text/plain': 'text',
  'text/html': 'html',
  'text/markdown': 'markdown',
  'image/svg+xml': 'svg',
  'image/png': 'png',
  'image/jpeg': 'jpeg',
  'application/pdf': 'pdf',
  'text/latex': 'latex',
  'application/json': 'json',
  'application/javascript': 'javascript',
  'application/vnd.corral.data+json': 'data',
  'application/vnd.corral.chart+json': 'chart',
};
const structured = new Set(['json', 'data', 'chart']);

const limits = { maxBytes: 16 * 1024 * 1024, maxDepth: 64, maxValues: 200_000 };
const isJson = (text: string): boolean => parseJson(text, limits).ok;

/** Copies the kernel's JSON as text, because parsing would turn 1.0 into 1 and round long numbers. */
export function formatResultLine({ isMain, data }: CodeResult): string {
  const fields = [`"type":"result","is_main_result":${isMain}`];
  const extra: Record<string, string> = {};
  for (const [mime, value] of Object.entries(data)) {
    const name = Object.hasOwn(names, mime) ? names[mime] : undefined;
    if (name === undefined) extra[mime] = value;
    else if (!structured.has(name))
      fields.push(`"${name}":${JSON.stringify(name === 'text' ? unquoted(value) : value)}`);
    else if (isJson(value)) fields.push(`"${name}":${value.replaceAll(/[\r\n]/g, ' ')}`);
  }
  if (Object.keys(extra).length > 0) fields.push(`"extra":${JSON.stringify(extra)}`);
  return `{${fields.join(',')}}`;
}

const unquoted = (text: string) => /^(['"])(.*)\1$/s.exec(text)?.[2] ?? text;

const Execute = z.object({
  code: z.string(),
  context_id: z.string().nullish(),
  language: z.string().nullish(),
  env_vars: z.record(z.string(), z.string()).nullish(),
});
const Create = z.object({ language: z.string().nullish(), cwd: z.string().nullish() });
const ids = createIdSource();
const languages: Readonly<Record<string, CodeLanguage>> = {
  python: 'python',
  javascript: 'javascript',
  js: 'javascript',
  typescript: 'typescript',
  ts: 'typescript',
  bash: 'bash',
};
const keepaliveMs = 5_000;
const longestMs = 24 * 60 * 60 * 1_000;

class Failure extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const actions: Readonly<Record<string, string>> = {
  'POST /contexts': 'context.create',
  'POST /contexts/{id}/restart': 'context.restart',
  'DELETE /contexts/{id}': 'context.remove',
  'POST /execute': 'sandbox.command',
};
const outcomes: Readonly<Record<number, string>> = { 404: 'not_found', 413: 'payload_too_large' };

export async function serveCodeInterpreter(call: DataPlaneCall): Promise<void> {
  const { request, response, url } = call;
  const [, first, id, verb] = url.pathname.split('/');
  const query = `${request.method} /${first ?? ''}${id === undefined ? '' : '/{id}'}${verb === undefined ? '' : `/${verb}`}`;
  const action = Object.hasOwn(actions, query) ? actions[query] : undefined;
  let isAudited = false;
  const auditOnce = (outcome: string) => {
    if (action !== undefined && !isAudited) call.audit(action, outcome);
    isAudited = true;
  };
  try {
    await using inside = await call.enter();
    const home = await call.home(inside);
    const { code } = inside;
    const shown = ({ id, language, cwd }: { id: string; language: string; cwd?: string | undefined }) => ({
      id,
      language,
      cwd: cwd ?? home,
    });
    switch (query) {
      case 'GET /health':
        return sendJson(response, 200, 'OK');
      case 'GET /contexts':
        return sendJson(response, 200, code.list().map(shown));
      case 'POST /contexts': {
        const { language, cwd } = await read(call, Create);
        const folder = resolveSandboxPath(cwd ?? '', home);
        const isThere = await inside.paths.stat(folder, call.signal).then(
          ({ type }) => type === 'directory',
          () => false,
        );
        if (!isThere) throw new Failure(500, `There is no folder ${folder}.`);
        const codeContext = code.create({
          id: ids.short(),
          language: resolveLanguage(language),
          cwd: folder,
          isAnywhere: true,
        });
        auditOnce('done');
        return sendJson(response, 200, shown(codeContext));
      }
      case 'POST /contexts/{id}/restart':
        await code.restart(id ?? '').catch(missing);
        auditOnce('done');
        return sendJson(response, 200, null);
      case 'DELETE /contexts/{id}':
        await code.remove(id ?? '').catch(missing);
        auditOnce('done');
        return sendJson(response, 200, null);
      case 'POST /execute':
        return await execute(call, { contexts: code, home, onStarted: () => auditOnce('done') });
      default:
        throw new Failure(404, 'There is no such route.');
    }
  } catch (thrown) {
    const error = toAppError(thrown);
    auditOnce(thrown instanceof Failure ? (outcomes[thrown.status] ?? 'invalid_request') : error.code);
    if (response.headersSent) return destroyConnection(response);
    const [status, text] = thrown instanceof Failure ? [thrown.status, thrown.message] : [500, toPublicMessage(error)];
    drainBody(request);
    response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(text);
  }
}

async function read<Shape extends z.ZodType>(call: DataPlaneCall, shape: Shape): Promise<z.output<Shape>> {
  const json = await readRequestBody(call.request, largeMessageLimits)
    .then((body) => parseConnectMessage(body, largeMessageLimits))
    .catch((thrown: unknown) => {
      if (!(thrown instanceof ConnectError)) throw thrown;
      throw new Failure(thrown.code === 'resource_exhausted' ? 413 : 400, thrown.message);
    });
  const found = shape.safeParse(json);
  if (found.success) return found.data;
  throw new Failure(400, 'The body is not what this route expects.');
}

function resolveLanguage(named: string | null | undefined): CodeLanguage {
  const name = (named ?? 'python').toLowerCase();
  const known = Object.hasOwn(languages, name) ? languages[name] : undefined;
  if (known) return known;
  const those = [...new Set(Object.values(languages))].join(', ');
  throw new Failure(500, `The image of this sandbox has no kernel for ${named}; it has: ${those}.`);
}

function missing(thrown: unknown): never {
  if (thrown instanceof AppError && thrown.code === 'not_found') throw new Failure(404, thrown.publicMessage);
  throw thrown;
}

interface CellExecution {
  readonly contexts: CodeContexts;
  readonly home: string;
  readonly onStarted: () => void;
}
async function execute(call: DataPlaneCall, { contexts, home, onStarted }: CellExecution): Promise<void> {
  const requested = await read(call, Execute);
  const { response } = call;
  if (requested.context_id && requested.language) throw new Failure(400, 'Name a context or a language, not both.');
  const id = requested.context_id || resolveLanguage(requested.language);
  if (!requested.context_id) contexts.create({ id, language: resolveLanguage(requested.language) });
  else if (!contexts.list().some((context) => context.id === id)) throw new Failure(404, `There is no context ${id}.`);
  onStarted();
  let waiting: Promise<unknown> = Promise.resolve();
  const say = (line: object | string) => {
    keepalive.refresh();
    if (!response.headersSent) response.writeHead(200, { 'content-type': 'application/x-ndjson' });
    if (!response.write(`${typeof line === 'string' ? line : JSON.stringify(line)}\n`)) {
      waiting = once(response, 'drain', { signal: call.signal }).catch(() => {});
    }
  };
  const keepalive = setInterval(() => say({ type: 'keepalive' }), keepaliveMs);
  const timestamp = () => new Date().toISOString();
  const listener: CodeListener = {
    onText: (stream, text) => say({ type: stream, text, timestamp: timestamp() }),
    onResult: (result) => say(formatResultLine(result)),
    onStart: (count) => say({ type: 'number_of_executions', execution_count: count }),
    room: () => waiting,
  };
  const env = { ...requested.env_vars };
  const own = Object.fromEntries(call.env.map((line) => line.split(/=(.*)/s).slice(0, 2)));
  try {
    const cell = {
      code: requested.code,
      timeoutMs: longestMs,
      listener,
      env: { ...own, HOME: home, ...env },
      folder: home,
    };
    const { ended, error, exitCode } = await contexts.execute(id, cell, call.signal);
    if (error) say({ type: 'error', ...error });
    else if (ended === 'died') {
      const value = `The kernel ended with exit code ${exitCode}. The next execution starts a new one.`;
      say({ type: 'error', name: 'KernelDied', value, traceback: '' });
    }
    say({ type: 'end_of_execution' });
    response.end();
  } finally {
    clearInterval(keepalive);
  }
}
