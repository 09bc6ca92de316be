import { text } from 'node:stream/consumers';
import { httpServer } from '../../support/servers/http-server.ts';

const json = { 'content-type': 'application/json' };

/**
 * A tool server that requires a bearer token, with the token endpoint that issues new ones. `GET /accept/<token>` makes
 * another token the only valid one. A refresh token works once.
 */
export async function guardedTools() {
  let right = 'none';
  let refreshToken = 'refresh-token-0';
  let grants = 0;
  const shown: string[] = [];
  const server = await httpServer(async (request, response) => {
    const { url = '', method, headers } = request;
    const body = await text(request);
    if (url.startsWith('/accept/')) {
      right = url.slice('/accept/'.length);
      return void response.end();
    }
    if (url === '/token') {
      const form = new URLSearchParams(body);
      const client = Buffer.from('program:client-secret-1').toString('base64');
      const isRight = headers.authorization === `Basic ${client}` && form.get('refresh_token') === refreshToken;
      if (!isRight) return void response.writeHead(400, json).end(JSON.stringify({ error: 'invalid_grant', body }));
      grants += 1;
      refreshToken = `refresh-token-${grants}`;
      right = `granted-token-${grants}`;
      const granted = { access_token: right, token_type: 'bearer', expires_in: 3_600, refresh_token: refreshToken };
      return void response.writeHead(200, json).end(JSON.stringify(granted));
    }
    shown.push(headers.authorization ?? 'nothing');
    if (headers.authorization !== `Bearer ${right}`)
      return void response.writeHead(401, json).end(JSON.stringify({ refused: headers.authorization }));
    if (method !== 'POST') return void response.writeHead(405).end();
    const { id, method: requested, params } = JSON.parse(body);
    const results: Record<string, object> = {
      initialize: {
        protocolVersion: params?.protocolVersion,
        capabilities: { tools: {} },
        serverInfo: { name: 'guarded', version: '1' },
      },
      'tools/list': { tools: [{ name: 'whoami', description: 'Who asks', inputSchema: { type: 'object' } }] },
      'tools/call': { content: [{ type: 'text', text: `let in as number ${right.split('-').at(-1)}` }] },
    };
    const result = results[requested];
    if (id === undefined || !result) return void response.writeHead(202).end();
    response.writeHead(200, json).end(JSON.stringify({ jsonrpc: '2.0', id, result }));
  });
  return {
    ...server,
    shown,
  };
}
