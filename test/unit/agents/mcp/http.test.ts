import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { McpConnection } from '../../../../src/agents/mcp/connection.ts';
import { createHttpTransport } from '../../../../src/agents/mcp/http-transport.ts';
import type { McpServer } from '../../../../src/core/model/tool-server.ts';
import { Secret } from '../../../../src/core/text/secret.ts';
import { createGuardedFetch } from '../../../../src/sandboxes/egress/fetch/guarded-fetch.ts';
import { httpServer } from '../../../support/servers/http-server.ts';

const soon = () => AbortSignal.timeout(60_000);
const quiet = () => ({ signal: soon(), onProgress: () => {} });
const loopback = createGuardedFetch({ addresses: { allowRanges: ['127.0.0.0/8'] } });
const json = { 'content-type': 'application/json' };
const events = { 'content-type': 'text/event-stream' };

/** A tool server over HTTP that answers calls with `onCall`. */
async function connected(
  onCall: (response: ServerResponse, id: number, request: IncomingMessage) => void,
  fetch = loopback,
) {
  const server = await httpServer(async (request, response) => {
    if (request.method !== 'POST') return void response.writeHead(405).end();
    const message = JSON.parse(await text(request));
    if (message.method === 'initialize') {
      const { protocolVersion } = message.params;
      const result = { protocolVersion, capabilities: { tools: {} }, serverInfo: { name: 'fake', version: '1' } };
      response.writeHead(200, json).end(JSON.stringify({ jsonrpc: '2.0', id: message.id, result }));
    } else if (message.method === 'tools/call') onCall(response, message.id, request);
    else response.writeHead(202).end();
  });
  const url = `${server.url}/mcp`;
  const settings = { url, headers: { Authorization: new Secret('Bearer of-test') } };
  const named: McpServer = { name: 'fake', tools: ['*'], timeoutMs: 3_000, ...settings };
  const connection = new McpConnection(named, () => createHttpTransport(settings, fetch));
  onTestFinished(async () => {
    await connection.close();
    await server[Symbol.asyncDispose]();
  });
  return connection;
}
const event = (id: number, words: string) =>
  `data: ${JSON.stringify({ jsonrpc: '2.0', id, result: { content: [{ type: 'text', text: words }] } })}\n\n`;

test('a call over HTTP carries the configured headers, and its answer may be a stream', async () => {
  const connection = await connected((response, id, { headers }) => {
    response.writeHead(200, events).end(event(id, headers.authorization ?? ''));
  });
  expect((await connection.call('go', {}, quiet())).content).toMatchObject([{ text: 'Bearer of-test' }]);
});

test.each([
  [404, '{"jsonrpc":"2.0","error":{"code":-32001,"message":"Session not found"},"id":null}'],
  [400, '{"jsonrpc":"2.0","error":{"code":-32000,"message":"Bad Request: No valid session ID provided"},"id":null}'],
])('a server that forgot its sessions and answers %i is called in a new one', async (status, body) => {
  let calls = 0;
  const connection = await connected((response, id) => {
    if (calls++ === 0) response.writeHead(status, json).end(body);
    else response.writeHead(200, events).end(event(id, 'fine'));
  });
  const both = await Promise.all([connection.call('go', {}, quiet()), connection.call('go', {}, quiet())]);
  expect(both.map(({ content }) => content)).toMatchObject([[{ text: 'fine' }], [{ text: 'fine' }]]);
});

test('a server that answers no message but a page is reported by its words', async () => {
  const page = '<html><head><title>Oops</title></head><body><h1>Internal error</h1></body></html>';
  const connection = await connected((response) => void response.writeHead(500).end(page));
  const publicMessage =
    'The tool server fake cannot be used: it answered 500: Oops Internal error. Its own log may say why.';
  await expect(connection.call('go', {}, quiet())).rejects.toMatchObject({ publicMessage });
});

const inText = (id: number) => JSON.stringify({ jsonrpc: '2.0', id, result: { content: 'fine' } });
test.each<[name: string, answer: (id: number) => [number, Record<string, string>, string?], outcome: string]>([
  ['JSON as text/plain', (id) => [200, { 'content-type': 'text/plain; charset=utf-8' }, inText(id)], 'fine'],
  ['JSON without a type', (id) => [200, {}, inText(id)], 'fine'],
  ['JSON after a mark', (id) => [200, json, `\ufeff${inText(id)}`], 'fine'],
  ['JSON of another kind', (id) => [201, { 'content-type': 'application/vnd.x+json' }, inText(id)], 'fine'],
  ['JSON with 202', (id) => [202, json, inText(id)], 'fine'],
  ['events as text/plain', (id) => [200, { 'content-type': 'text/plain' }, event(id, 'fine')], 'fine'],
  ['a type in capitals', (id) => [200, { 'content-type': 'Application/JSON' }, inText(id)], 'fine'],
  ['204', () => [204, {}], 'it answered 204 and sent no result.'],
  ['202 without a stream', () => [202, {}], 'it answered 202 and sent no result.'],
  ['200 and nothing', () => [200, json], 'it answered 200 and sent no result.'],
  ['a page', () => [200, { 'content-type': 'text/html' }, '<p>Please sign in</p>'], 'with text/html: Please sign in.'],
  ['text', () => [200, { 'content-type': 'text/plain' }, 'try later'], 'with text/plain: try later.'],
  ['a redirect', () => [307, { location: 'https://a.example/mcp' }], 'Redirect to https://a.example/mcp not followed'],
])('a call that a server answers with %s', async (_, answer, outcome) => {
  const connection = await connected((response, id) => {
    const [status, headers, body] = answer(id);
    response.writeHead(status, headers).end(body);
  });
  const ended = await connection.call('go', {}, quiet()).then(
    ({ content }) => JSON.stringify(content),
    ({ publicMessage }) => publicMessage,
  );
  expect(ended).toContain(outcome);
});

test('a private address is refused unless the operator allows it', async () => {
  const connection = await connected(() => {}, createGuardedFetch());
  const expected = { code: 'unsupported', publicMessage: expect.stringContaining('private address') };
  await expect(connection.call('go', {}, quiet())).rejects.toMatchObject(expected);
});

test('a server that dies in a call is one error at once, and the next call finds it again', async () => {
  let calls = 0;
  const connection = await connected((response, id) => {
    response.writeHead(200, events);
    if (calls++ > 0) return void response.end(event(id, 'fine'));
    response.write(': here\n\n', () => response.destroy());
  });
  const publicMessage = 'The tool server fake stopped: its connection was interrupted. The next call starts it again.';
  await expect(connection.call('go', {}, quiet())).rejects.toMatchObject({ code: 'unsupported', publicMessage });
  expect((await connection.call('go', {}, quiet())).content).toMatchObject([{ text: 'fine' }]);
});

test('an event of 50 MB ends its connection after a few of them', async () => {
  let sent = 0;
  const connection = await connected((response) => {
    response.writeHead(200, events).write('data: ');
    const chunk = 'x'.repeat(1_000_000);
    const pour = () => {
      for (let goesOn = true; goesOn && sent < 50 && !response.destroyed; sent++) goesOn = response.write(chunk);
    };
    response.on('drain', pour);
    pour();
  });
  const tooLarge = { publicMessage: expect.stringContaining('larger than 4 MiB') };
  await expect(connection.call('go', {}, quiet())).rejects.toMatchObject(tooLarge);
  expect(sent).toBeLessThan(30);
});

test.each([
  ['refuses the key', 401, true],
  ['is not well', 500, false],
])('a server that %s says so in one error: %i, refused: %s', async (_, status, isRefused) => {
  const connection = await connected((response) => void response.writeHead(status).end('no'));
  await expect(connection.call('go', {}, quiet())).rejects.toMatchObject({ code: 'unsupported' });
  expect(connection.isRefused).toBe(isRefused);
});
