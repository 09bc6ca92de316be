import { setTimeout as sleep } from 'node:timers/promises';
import { askAny } from '../../support/automations/killed-servers.ts';
import type { ServerProcess } from '../../support/servers/server-process.ts';

// A program that outlives its servers: it makes sessions, reads their events, and answers calls, at any server that is up.

// biome-ignore lint/suspicious/noExplicitAny: a test says what it expects
type Body = any;
export type ProgramEvent = Body;
const prefix = '/anthropic/v1';
const json = { 'content-type': 'application/json' };

/** The requests of programs to servers of one store, one of which may be down. */
export class Servers {
  readonly all: readonly ServerProcess[];

  constructor(all: readonly ServerProcess[]) {
    this.all = all;
  }

  /** Only for requests that do no harm when they are repeated. */
  async ask(method: string, path: string, body?: object): Promise<Body> {
    return await askAny(this.all, method, prefix + path, {
      headers: json,
      ...(body && { body: JSON.stringify(body) }),
    });
  }

  async sessions(): Promise<Body[]> {
    const found: Body[] = [];
    for (let page = ''; ; ) {
      const { data, next_page: next } = await this.ask('GET', `/sessions?limit=100${page}`);
      found.push(...data);
      if (next === null) return found;
      page = `&page=${encodeURIComponent(next)}`;
    }
  }

  async events(session: string): Promise<ProgramEvent[]> {
    return (await this.ask('GET', `/sessions/${session}/events?limit=1000`)).data;
  }

  /**
   * Makes a session under a name, once. A creation whose answer was lost is looked for: the server that would have gone on with
   * it is dead, so what the store has is all that comes of it.
   */
  async create(name: string, wish: object): Promise<string> {
    const body = JSON.stringify({ ...wish, metadata: { name } });
    for (let turn = Number(name); ; turn++) {
      const made = await this.#post(turn, '/sessions', body);
      if (made) return made.id;
      const id = await this.#adopted(name);
      if (id !== undefined) return id;
      await sleep(100);
    }
  }

  async #post(turn: number, path: string, body: string): Promise<Body> {
    const { url } = this.all[turn % this.all.length] as ServerProcess;
    try {
      const response = await fetch(url + prefix + path, { method: 'POST', headers: json, body });
      const answer: Body = await response.json();
      if (response.ok) return answer;
      if (response.status < 500) throw new RefusalError(`${path}: ${response.status} ${JSON.stringify(answer)}`);
    } catch (thrown) {
      if (thrown instanceof RefusalError) throw thrown;
    }
    return undefined;
  }

  /** The session of this name, if its first message came with it. One without a message is removed. */
  async #adopted(name: string): Promise<string | undefined> {
    for (const { id, metadata } of await this.sessions()) {
      if (metadata.name !== name) continue;
      if ((await this.events(id)).some(({ type }) => type === 'user.message')) return id;
      await this.remove(id);
    }
    return undefined;
  }

  /** A session that is gone counts as removed: the answer to the first request may have been lost. */
  async remove(session: string): Promise<void> {
    await this.ask('DELETE', `/sessions/${session}`).catch((thrown: unknown) => {
      if (!String(thrown).includes(': 404')) throw thrown;
    });
  }

  /**
   * The events of a session, each once, from its first one on. Opens a stream, lists what came before, and goes to the next
   * server when the stream ends.
   */
  async *follow(session: string, first: number): AsyncGenerator<ProgramEvent> {
    const known = new Set<string>();
    for (let turn = first; ; turn++) {
      const { url } = this.all[turn % this.all.length] as ServerProcess;
      using stream = await openEvents(`${url}${prefix}/sessions/${session}/events/stream`);
      if (stream) {
        for (const event of await this.events(session)) if (isNew(event)) yield event;
        for await (const event of stream.events) if (isNew(event)) yield event;
      }
      await sleep(100);
    }
    function isNew({ id }: ProgramEvent): boolean {
      return !known.has(id) && !!known.add(id);
    }
  }
}

/** A request that no other server would answer otherwise. */
class RefusalError extends Error {}

/** Undefined: the server is down. A connection that breaks ends the events. */
async function openEvents(url: string): Promise<({ events: AsyncGenerator<ProgramEvent> } & Disposable) | undefined> {
  const leave = new AbortController();
  const response = await fetch(url, { signal: leave.signal }).catch(() => undefined);
  if (!response) return undefined;
  if (response.status >= 400 && response.status < 500) throw new RefusalError(`${url}: ${response.status}`);
  if (!response.ok || !response.body) return undefined;
  return { events: framesOf(response.body), [Symbol.dispose]: () => leave.abort() };
}

async function* framesOf(body: ReadableStream<Uint8Array>): AsyncGenerator<ProgramEvent> {
  const decoder = new TextDecoder();
  let rest = '';
  try {
    for await (const chunk of body) {
      const frames = (rest + decoder.decode(chunk, { stream: true })).split('\n\n');
      rest = frames.pop() ?? '';
      for (const frame of frames) {
        const [, type = 'ping'] = /^event: (.*)$/m.exec(frame) ?? [];
        const [, data = ''] = /^data: (.*)$/m.exec(frame) ?? [];
        if (type === 'error') return; // the server could not go on; the next stream begins where this one ends
        if (type !== 'ping') yield JSON.parse(data);
      }
    }
  } catch (thrown) {
    if (!(thrown instanceof TypeError)) throw thrown; // `terminated`: the connection broke
  }
}
