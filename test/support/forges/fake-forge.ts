import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { httpServer } from '../servers/http-server.ts';
import type { ApiSchema } from './api-schema.ts';
import { fakeApis } from './fake-apis.ts';
import type { FakeAnswer, FakeApi, ForgeContent, ForgeName } from './forge-content.ts';

interface FakeOptions {
  readonly schema?: ApiSchema;
  readonly owner?: string;
  readonly name?: string;
}

/** A forge's REST on a free port of loopback. */
export async function fakeForge(kind: ForgeName, { schema, owner = 'acme', name = 'totals' }: FakeOptions = {}) {
  const api: FakeApi = fakeApis[kind];
  const content: ForgeContent = {
    owner,
    name,
    branches: new Set(['main']),
    tokens: new Map(),
    pulls: [],
    comments: [],
    reviews: [],
    checks: [],
  };
  /** Differences to the forge's published schema, in requests and in the fake's own answers. */
  const problems: string[] = [];
  const requests: { call: string; headers: IncomingMessage['headers'] }[] = [];
  const replaced: ((res: ServerResponse) => void)[] = [];

  async function answer(req: IncomingMessage, webUrl: string): Promise<FakeAnswer> {
    const url = new URL(req.url ?? '', webUrl);
    const input = await text(req);
    const login = content.tokens.get(api.tokenIn(req.headers) ?? '');
    if (login === undefined) return { status: 401, body: { message: 'Bad credentials' } };
    if (!url.pathname.startsWith(api.prefix)) return { status: 404, body: { message: 'Not Found' } };
    const method = req.method ?? '';
    const path = url.pathname.slice(api.prefix.length);
    const query = url.searchParams;
    const body = input === '' ? {} : (JSON.parse(input) as Record<string, unknown>);
    const found = schema?.requestProblems({ method, path, query, body: input === '' ? undefined : body }) ?? [];
    problems.push(...found);
    if (found.length > 0) return { status: 422, body: { message: found.join('; ') } };
    const reply = api.answer(
      { method, path, query, body, login },
      { content, webUrl, examples: schema?.examples ?? {} },
    );
    if (reply.status < 300)
      problems.push(...(schema?.answerProblems({ method, path }, reply.status, reply.body) ?? []));
    return reply;
  }

  const respondAt = (webUrl: string, req: IncomingMessage, res: ServerResponse) => {
    requests.push({ call: `${req.method} ${req.url}`, headers: req.headers });
    const respond = replaced.shift();
    if (respond) return respond(res);
    answer(req, webUrl).then(
      ({ status, body, headers }) =>
        res.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body)),
      (thrown: unknown) => {
        problems.push(String(thrown));
        res.writeHead(500).end();
      },
    );
  };
  const server = await httpServer((req, res) => respondAt(server.url, req, res));
  return {
    ...server,
    content,
    problems,
    requests,
    /** The same forge behind another server, at the address that its requests name. */
    handle: (req: IncomingMessage, res: ServerResponse) => respondAt(`https://${req.headers.host}`, req, res),
    /** Answers the next request in place of the forge. */
    answerNext: (respond: (res: ServerResponse) => void) => void replaced.push(respond),
  };
}
