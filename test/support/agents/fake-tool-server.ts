import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { httpServer } from '../servers/http-server.ts';

export type FakeToolServer = Awaited<ReturnType<typeof fakeToolServer>>;

const json = (response: ServerResponse, body: object, status = 200) =>
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));

/** A tool server over HTTP on loopback, with one tool, that signs people in as its own authorization server. */
export async function fakeToolServer(access?: string) {
  /** The `authorization` headers of its requests, newest last. */
  const seen: string[] = [];
  const calls: unknown[] = [];
  let renewals = 0;
  const server = await httpServer(answer);
  const origin = server.url;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? '/', origin);
    const body = await text(request);
    if (pathname.startsWith('/.well-known/oauth-protected-resource')) {
      return void json(response, {
        resource: `${origin}/mcp`,
        authorization_servers: [origin],
        scopes_supported: ['use'],
      });
    }
    if (pathname === '/.well-known/oauth-authorization-server') {
      return void json(response, {
        issuer: origin,
        authorization_endpoint: `${origin}/authorize`,
        token_endpoint: `${origin}/token`,
        registration_endpoint: `${origin}/register`,
        response_types_supported: ['code'],
        code_challenge_methods_supported: ['S256'],
      });
    }
    if (pathname === '/register') return void json(response, { ...JSON.parse(body), client_id: 'corral-here' }, 201);
    if (pathname === '/token') return void token(new URLSearchParams(body), response);
    if (pathname === '/mcp') return void tools(request, body, response);
    response.writeHead(404).end();
  }

  function token(form: URLSearchParams, response: ServerResponse): void {
    const isCode = form.get('grant_type') === 'authorization_code' && form.get('code') === 'the-code';
    const isRenewal = form.get('grant_type') === 'refresh_token' && form.get('refresh_token') === 'the-renewal';
    if (!isCode && !isRenewal) return void json(response, { error: 'invalid_grant' }, 400);
    fake.access = isCode ? 'signed-in-access' : `renewed-access-${++renewals}`;
    const input = { access_token: fake.access, token_type: 'Bearer', refresh_token: 'the-renewal', expires_in: 3_600 };
    json(response, input);
  }

  function tools(request: IncomingMessage, body: string, response: ServerResponse): void {
    const { authorization = '' } = request.headers;
    seen.push(authorization);
    if (fake.access !== undefined && authorization !== `Bearer ${fake.access}`) {
      return void response.writeHead(401, { 'www-authenticate': 'Bearer' }).end();
    }
    if (request.method !== 'POST') return void response.writeHead(405).end();
    const { id, method, params } = JSON.parse(body) as { id?: number; method: string; params: never };
    const result = (found: object) => json(response, { jsonrpc: '2.0', id, result: found });
    if (method === 'initialize') {
      const { protocolVersion } = params as { protocolVersion: string };
      return void result({ protocolVersion, capabilities: { tools: {} }, serverInfo: { name: 'fake', version: '1' } });
    }
    if (method === 'tools/list') {
      return void result({ tools: [{ name: 'find', description: 'Finds pages.', inputSchema: { type: 'object' } }] });
    }
    if (method === 'tools/call') {
      calls.push(params);
      return void result({ content: [{ type: 'text', text: 'Found the page about boats.' }] });
    }
    response.writeHead(202).end();
  }

  const fake = {
    url: `${origin}/mcp`,
    seen,
    calls,
    /** The access that it requires; undefined: none. */
    access,
    [Symbol.asyncDispose]: server[Symbol.asyncDispose],
  };
  return fake;
}
