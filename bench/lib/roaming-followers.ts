import { Agent, request } from 'node:http';
import type { Program } from './child-process.ts';

// Clients that follow sessions over SSE. When its stream ends, a client goes to the next server with its cursor.

const arrivalMs = 5_000;

interface Argument {
  readonly urls: readonly string[];
  readonly sessions: readonly string[];
  readonly followers: number;
}
/** Per follower: the ids of the events in the order of their arrival, and how often it had to reconnect. */
export interface Followed {
  readonly session: string;
  readonly ids: readonly number[];
  readonly reconnects: number;
}
/** As patient as a browser, and not all at once. */
const againMs = () => 500 + Math.random() * 3_000;

export async function open({ urls, sessions, followers }: Argument): Promise<Program> {
  const agent = new Agent({ maxSockets: Number.POSITIVE_INFINITY });
  const stop = new AbortController();
  const all = Array.from({ length: followers }, (_, n) => ({
    session: sessions[n % sessions.length] as string,
    ids: [] as number[],
    reconnects: -1,
  }));

  /** Resolves when the stream has ended or cannot be opened. */
  function read(base: string, to: (typeof all)[number]): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const headers = { 'last-event-id': String(to.ids.at(-1) ?? 0) };
    const asked = request(`${base}/api/v1/sessions/${to.session}/events`, { agent, headers, signal: stop.signal });
    asked.on('error', () => resolve());
    asked.on('response', (response) => {
      let rest = '';
      if (response.statusCode !== 200) response.destroy();
      else to.reconnects += 1;
      response.setEncoding('utf8').on('data', (chunk: string) => {
        const blocks = (rest + chunk).split('\n\n'); // an event that is cut off has not arrived
        rest = blocks.pop() ?? '';
        for (const block of blocks) {
          const id = /^id: (\d+)$/m.exec(block)?.[1];
          if (id !== undefined) to.ids.push(Number(id));
        }
      });
      response.on('error', () => {}).on('close', () => resolve());
    });
    asked.end();
    return promise;
  }
  const running = all.map(async (one, n) => {
    await new Promise((go) => setTimeout(go, Math.random() * arrivalMs));
    for (let turn = n; !stop.signal.aborted; turn++) {
      await read(urls[turn % urls.length] as string, one);
      await new Promise((go) => setTimeout(go, againMs()));
    }
  });
  return {
    methods: {
      /** The last event of each follower that is behind the given one of its session. */
      behind: (heads: Readonly<Record<string, number>>) =>
        all.filter(({ session, ids }) => (ids.at(-1) ?? 0) < (heads[session] ?? 0)).length,
      followed: (): readonly Followed[] => all,
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await Promise.all(running);
    },
  };
}
