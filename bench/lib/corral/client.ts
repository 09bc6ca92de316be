import { type ContainerInspection, inspectSessionContainer } from '../calls/engine-api.ts';
import { type HttpCalls, parseTrpcData } from '../calls/http-calls.ts';
import { monotonicMs } from '../measure/generator.ts';
import { type RunningServer, startServer } from './server.ts';
import { createCorralApi } from './session-api.ts';

/** Disposal deletes the client's sessions. */
export interface SessionClient extends AsyncDisposable {
  readonly calls: HttpCalls;
  /** Runs `true` in the session's sandbox, which is started if necessary. Resolves with the call's duration. */
  exec(session: string): Promise<number>;
  /** Creates a session whose sandbox has run a command. */
  started(): Promise<string>;
  chat(session: string, message: string): Promise<unknown>;
  urlOf(session: string): string;
  remove(session: string): Promise<void>;
}

export function createSessionClient({ url }: Pick<RunningServer, 'url'>): SessionClient {
  const api = createCorralApi(url);
  const { calls } = api;
  const open = new Set<string>();
  async function exec(sessionId: string): Promise<number> {
    const { text, ms } = await calls.ask('/trpc/sandbox.exec', { sessionId, command: 'true' });
    const { exitCode } = parseTrpcData<{ exitCode: number | null }>(text);
    if (exitCode !== 0) throw new Error(`"true" ended with ${exitCode}`);
    return ms;
  }
  async function remove(id: string): Promise<void> {
    open.delete(id);
    await api.remove(id);
  }
  return {
    calls,
    exec,
    remove,
    async started() {
      const id = await api.create();
      open.add(id);
      await exec(id);
      return id;
    },
    chat: (session, message) => calls.ask(`/api/v1/sessions/${session}/chat`, { message }),
    urlOf: (session) => `${url}/api/v1/sessions/${session}`,
    async [Symbol.asyncDispose]() {
      for (const id of open) await remove(id).catch(() => {});
      api[Symbol.dispose]();
    },
  };
}

export async function startServerWithClient(stack: AsyncDisposableStack, settings: Record<string, string>) {
  const { url, pid } = stack.use(await startServer(settings));
  return Object.assign(stack.use(createSessionClient({ url })), { url, pid });
}

export async function startDockerSession(stack: AsyncDisposableStack) {
  const client = await startServerWithClient(stack, { CORRAL_DRIVER: 'docker', CORRAL_EGRESS_POLICY: 'none' });
  const session = await client.started();
  return { url: client.url, pid: client.pid, client, session, container: await inspectSessionContainer(session) };
}

export async function inspectSampleContainer(client: SessionClient): Promise<ContainerInspection> {
  const session = await client.started();
  const likeness = await inspectSessionContainer(session);
  await client.remove(session);
  return likeness;
}

/** Milliseconds from the request for a session to the output of its first command. Deletes the session. */
export async function measureStart(client: SessionClient): Promise<number> {
  const from = monotonicMs();
  const session = await client.started();
  const ms = monotonicMs() - from;
  await client.remove(session);
  return ms;
}
