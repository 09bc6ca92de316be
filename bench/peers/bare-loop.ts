// The simplest agent loop: `fetch`, and the conversation in an array. Each turn has the three durable appends that a loop
// needs to survive a crash: the reply, the call before it is made, and its result. The result then goes to the subscriber.
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Program } from '../lib/child-process.ts';
import { rawTable } from './raw-insert.ts';

interface Call {
  readonly id: string;
  readonly function: { readonly name: string; readonly arguments: string };
}

export async function open({ dataDir }: { dataDir: string }): Promise<Program> {
  const table = rawTable(join(dataDir, 'loop.db'), 'full');
  const streams = new Set<ServerResponse>();
  let seq = 0;
  const append = (fact: object): string => {
    const text = JSON.stringify(fact);
    table.insert('one', ++seq, text);
    return text;
  };
  const server = createServer((_request, res) => {
    res.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
    res.write(': connected\n\n');
    streams.add(res);
    res.once('close', () => streams.delete(res));
  }).listen(0, '127.0.0.1');

  async function run({ url, body }: { url: string; body: string }): Promise<void> {
    const request = JSON.parse(body); // the first of them
    for (;;) {
      const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(request) };
      const text = await (await fetch(`${url}/v1/chat/completions`, init)).text();
      const events = text
        .split('\n\n')
        .flatMap((line) => (line.startsWith('data: {') ? [JSON.parse(line.slice(6))] : []));
      const { content, tool_calls: calls } = events[0].choices[0].delta as { content: string; tool_calls?: Call[] };
      request.messages.push({ role: 'assistant', content, tool_calls: calls });
      append({ type: 'usage', content, usage: events.at(-1).usage });
      const [call] = calls ?? [];
      if (!call) return;
      append({ type: 'tool.calling', call });
      const { query } = JSON.parse(call.function.arguments);
      const found = await (await fetch(`${url}/search?format=json&q=${encodeURIComponent(query)}`)).json();
      const said = (found as { results: { content: string }[] }).results.map((hit) => hit.content).join('\n');
      request.messages.push({ role: 'tool', tool_call_id: call.id, content: said });
      const frame = `event: tool\ndata: ${append({ type: 'tool.called', call, said })}\n\n`;
      for (const stream of streams) stream.write(frame);
    }
  }
  return {
    methods: { listen: () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`, run },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      table[Symbol.dispose]();
    },
  };
}
