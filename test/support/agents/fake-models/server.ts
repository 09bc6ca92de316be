import type { ServerResponse } from 'node:http';
import { httpServer } from '../../servers/http-server.ts';
import { anthropicWire } from './anthropic.ts';
import { compatibleWire } from './compatible.ts';
import { geminiWire } from './gemini.ts';
import { openaiWire } from './openai.ts';
import type {
  FakeReply,
  FakeRequest,
  Limits,
  RefusedReply,
  ScriptedReply,
  WireFormat,
  WireName,
} from './wire-format.ts';

// Local servers that speak the wire formats of model providers. One neutral script plays on all of them, and each
// refuses the requests that the real API refuses.

export const wires = {
  gemini: geminiWire,
  anthropic: anthropicWire,
  openai: openaiWire,
  compatible: compatibleWire,
} as const satisfies Record<WireName, WireFormat>;

export interface FakeProvider extends AsyncDisposable {
  /** The base URL, as the settings take it. */
  readonly url: string;
  /** In order of arrival, including refused requests. */
  readonly requests: FakeRequest[];
  /** How many requests the fake itself refused, as the real API would. */
  readonly refusals: string[];
}

export const fakeKey = 'sk-fake-canary-51c2';

/** Answers the n-th accepted request with the n-th reply, or calls a function. Without a reply: 418. */
export async function fakeProvider(
  name: WireName,
  replies: readonly FakeReply[] | ((request: FakeRequest, n: number) => FakeReply),
  limits: Partial<Limits> = {},
): Promise<FakeProvider> {
  const wire: WireFormat = wires[name];
  const bounds = { window: 1_000_000, key: fakeKey, ...limits };
  const requests: FakeRequest[] = [];
  const refusals: string[] = [];
  let answered = 0;
  const server = await httpServer(async (incoming, res) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const body = chunks.length === 0 ? undefined : JSON.parse(Buffer.concat(chunks).toString());
    const request = { path: incoming.url ?? '', headers: incoming.headers, body };
    requests.push(request);
    if (incoming.method === 'GET' && /^[/]v1(beta)?[/]models([?]|$)/.test(request.path)) {
      const list = wire.list(request, bounds);
      if ('status' in list) return void refuse(res, wire, list as RefusedReply);
      return void res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(list));
    }
    if (body === undefined) return void refuse(res, wire, { status: 404, message: 'The fake has no such page.' });
    const refused = bounds.isUnlike ? checkKey(request, bounds.key) : wire.check(request, bounds);
    if (refused) {
      refusals.push(refused.message);
      return void refuse(res, wire, refused);
    }
    const n = answered++;
    const reply = typeof replies === 'function' ? replies(request, n) : replies[n];
    if (reply === 'silence') return;
    if (!reply) return void refuse(res, wire, { status: 418, message: 'the test has no reply for this request' });
    if ('status' in reply) return void refuse(res, wire, reply);
    const events = wire.events(reply, n, request);
    if (body.stream || !['openai', 'compatible'].includes(name)) return void send(res, events, reply.after);
    res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(wholeOf(name, events)));
  });
  const url = `${server.url}${name === 'gemini' || name === 'anthropic' ? '' : '/v1'}`;
  return { ...server, url, requests, refusals };
}

const checkKey = ({ headers }: FakeRequest, key: string): RefusedReply | undefined =>
  Object.values(headers).some((value) => String(value).includes(key)) ? undefined : { status: 401, message: 'no key' };

function refuse(res: ServerResponse, wire: WireFormat, refused: RefusedReply): void {
  res.writeHead(refused.status, { 'content-type': 'application/json', ...refused.headers });
  res.end(JSON.stringify(wire.error(refused)));
}

function send(res: ServerResponse, events: readonly string[], after: ScriptedReply['after']): void {
  res.writeHead(200, { 'content-type': 'text/event-stream' });
  res.flushHeaders();
  if (after === undefined || after === 'unfinished') return void res.end(events.join(''));
  const begun = events.join('');
  if (after === 'stall') return void res.write(begun);
  // Half of an event: a cut in the middle of the JSON.
  res.write(`${begun}data: {"type":"resp`, () => setImmediate(() => res.destroy()));
}

// biome-ignore lint/suspicious/noExplicitAny: the fake's own events
type Data = any;

/** A reply's events combined into the single answer to a request without `stream`. */
function wholeOf(wire: WireName, events: readonly string[]): object {
  const all: Data[] = events.flatMap((event) => {
    const [, json = ''] = /^data: (\{.*)$/m.exec(event) ?? [];
    return json === '' ? [] : [JSON.parse(json)];
  });
  if (wire === 'openai') {
    const output = all.filter(({ type }) => type === 'response.output_item.done').map(({ item }) => item);
    return { ...all.at(-1).response, output, parallel_tool_calls: true, tool_choice: 'auto', tools: [] };
  }
  const deltas = all.flatMap(({ choices }) => choices).map(({ delta }) => delta);
  const calls: Data[] = [];
  for (const call of deltas.flatMap(({ tool_calls = [] }) => tool_calls)) {
    const known = calls[call.index];
    if (known) known.function.arguments += call.function.arguments;
    else calls[call.index] = { id: call.id, type: call.type, function: { ...call.function } };
  }
  const content = deltas.map(({ content: text = '' }) => text).join('');
  const message = { role: 'assistant', content, ...(calls.length > 0 && { tool_calls: calls }) };
  const finish_reason = calls.length > 0 ? 'tool_calls' : 'stop';
  const { usage, id, model } = { ...all[0], ...all.at(-1) };
  return { id, object: 'chat.completion', created: 1, model, choices: [{ index: 0, message, finish_reason }], usage };
}
