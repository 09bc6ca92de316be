import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { monotonicMs } from './generator.ts';

// A model (Chat Completions) and a search engine in this process, which play a run of `turns` turns: each turn is one
// search, whose result the next turn gets. The clock of this process notes when their bytes leave and arrive, so it sees
// what an agent's loop adds between them.

export interface RunTimes {
  /** For each turn: from the last byte of the model to the next request, without the search in between. */
  readonly loop: readonly number[];
  /** For each turn: the time at which the last byte of the search's result left. */
  readonly searched: readonly number[];
  /** The body of the first request of the work, as it came. */
  readonly firstBody: string;
}
export interface ModelClock extends AsyncDisposable {
  readonly url: string;
  /** Plays the next run. With `plans` its first request is answered with a plan of one step. */
  play(turns: number, options: { readonly plans: boolean }): { over(): RunTimes };
}

/** The mark of a turn's result, by which a subscriber recognises its event. */
export const markOf = (turn: number): string => `result-of-turn-${turn}-`;

interface Played {
  readonly turns: number;
  plans: boolean;
  turn: number;
  readonly replied: number[];
  readonly searchBegan: number[];
  readonly searched: number[];
  readonly requested: number[];
  firstBody: string;
}

export async function modelClock(): Promise<ModelClock> {
  let now: Played | undefined;
  const server = createServer(async (request, res) => {
    const at = monotonicMs();
    if (!now) return void res.writeHead(503).end();
    if (request.url?.startsWith('/search')) return search(now, at, res);
    await answer(now, at, request, res);
  });
  server.keepAliveTimeout = 60_000;
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    play(turns, { plans }) {
      const played: Played = {
        ...{ turns, plans, turn: 0, firstBody: '' },
        ...{ replied: [], searchBegan: [], searched: [], requested: [] },
      };
      now = played;
      return { over: () => timesOf(played) };
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function timesOf({ turns, replied, searchBegan, searched, requested, firstBody }: Played): RunTimes {
  const loop = Array.from({ length: turns }, (_, n) => {
    const times = [replied[n], searchBegan[n], searched[n], requested[n]] as const;
    const [said, began, found, asked] = times.map((at) => at ?? Number.NaN) as [number, number, number, number];
    return began - said + (asked - found);
  });
  if (loop.some(Number.isNaN)) throw new Error(`only ${requested.length} of ${turns} turns came`);
  return { loop, searched, firstBody };
}

function search(played: Played, at: number, res: ServerResponse): void {
  const n = played.turn - 1;
  const hit = { title: 'A page', url: 'https://example.test/', content: `${markOf(n)}${'.'.repeat(200)}` };
  const body = JSON.stringify({ results: [hit] });
  played.searchBegan[n] = at;
  res.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length });
  played.searched[n] = monotonicMs();
  res.end(body);
}

async function answer(played: Played, at: number, request: IncomingMessage, res: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  if (played.plans) {
    played.plans = false;
    return send(res, callOf('make_plan', { title: 'Search', steps: ['Search'], acknowledgement: 'At once.' }));
  }
  const { turn, turns } = played;
  if (turn === 0) played.firstBody = Buffer.concat(chunks).toString();
  if (turn > 0 && turn <= turns) played.requested[turn - 1] = at;
  played.turn += 1;
  if (turn >= turns) return send(res, { content: 'All of it was found.' });
  const reply = callOf('web_search', { query: `query ${turn}` });
  played.replied[turn] = monotonicMs();
  send(res, reply);
}

/** A reply that is one call of a tool. */
export const callOf = (name: string, args: object) => ({
  content: 'I look for it.',
  tool_calls: [
    {
      ...{ index: 0, id: `call_${Math.random().toString(36).slice(2)}`, type: 'function' },
      function: { name, arguments: JSON.stringify(args) },
    },
  ],
});

/** The whole reply in one write, so that its last byte leaves with the first. */
export function send(
  res: ServerResponse,
  delta: { readonly content: string; readonly tool_calls?: readonly object[] },
): void {
  const chunk = (more: object) => `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', ...more })}\n\n`;
  const usage = { prompt_tokens: 1_000, completion_tokens: 20, total_tokens: 1_020 };
  const body = [
    chunk({ choices: [{ index: 0, delta: { role: 'assistant', ...delta }, finish_reason: null }] }),
    chunk({ choices: [{ index: 0, delta: {}, finish_reason: delta.tool_calls ? 'tool_calls' : 'stop' }] }),
    chunk({ choices: [], usage }),
    'data: [DONE]\n\n',
  ].join('');
  res.writeHead(200, { 'content-type': 'text/event-stream', 'content-length': Buffer.byteLength(body) });
  res.end(body);
}
