import { type HttpCalls, httpCalls, trpcData } from '../calls/http-calls.ts';
import { monotonicMs } from '../measure/generator.ts';
import type { RunningServer } from './server.ts';

/** A client of a real server over tRPC. Its sessions are deleted with it. */
export interface SessionClient extends AsyncDisposable {
  readonly calls: HttpCalls;
  /** Runs `true` in the session's sandbox, which starts it where it does not run. Resolves with the time the call took. */
  exec(session: string): Promise<number>;
  /** A session whose sandbox has run a command. */
  started(): Promise<string>;
  /** Sends a message over the REST API; resolves when its run has ended. */
  chat(session: string, message: string): Promise<unknown>;
  /** The session in the REST API. */
  urlOf(session: string): string;
  remove(session: string): Promise<void>;
}

export function sessionClient({ url }: Pick<RunningServer, 'url'>): SessionClient {
  const calls = httpCalls(url);
  const open = new Set<string>();
  async function create(): Promise<string> {
    const { text } = await calls.ask('/trpc/sessions.create', {});
    const { id } = trpcData<{ id: string }>(text);
    open.add(id);
    return id;
  }
  async function exec(sessionId: string): Promise<number> {
    const { text, ms } = await calls.ask('/trpc/sandbox.exec', { sessionId, command: 'true' });
    const { exitCode } = trpcData<{ exitCode: number | null }>(text);
    if (exitCode !== 0) throw new Error(`"true" ended with ${exitCode}`);
    return ms;
  }
  async function remove(id: string): Promise<void> {
    open.delete(id);
    await calls.ask('/trpc/sessions.delete', { id });
  }
  return {
    calls,
    exec,
    remove,
    async started() {
      const id = await create();
      await exec(id);
      return id;
    },
    chat: (session, message) => calls.ask(`/api/v1/sessions/${session}/chat`, { message }),
    urlOf: (session) => `${url}/api/v1/sessions/${session}`,
    async [Symbol.asyncDispose]() {
      for (const id of open) await remove(id).catch(() => {}); // the server may have failed
      calls[Symbol.dispose]();
    },
  };
}

/** The time from the request for a session to the output of its first command, in ms. Deletes the session. */
export async function timedStart(client: SessionClient): Promise<number> {
  const from = monotonicMs();
  const session = await client.started();
  const ms = monotonicMs() - from;
  await client.remove(session);
  return ms;
}
