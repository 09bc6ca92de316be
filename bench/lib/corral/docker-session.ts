import { containerOf, type Inspected } from '../calls/engine-api.ts';
import { type SessionClient, sessionClient } from './client.ts';
import { startServer } from './server.ts';

export interface DockerSession extends AsyncDisposable {
  readonly url: string;
  readonly pid: number;
  readonly client: SessionClient;
  readonly session: string;
  readonly container: Inspected;
}

/** A server on Docker as users start it, with one session whose sandbox is ready. */
export async function dockerSession(): Promise<DockerSession> {
  await using stack = new AsyncDisposableStack();
  const { url, pid } = stack.use(await startServer({ CORRAL_DRIVER: 'docker', CORRAL_EGRESS_POLICY: 'none' }));
  const client = stack.use(sessionClient({ url }));
  const session = await client.started();
  const container = await containerOf(session);
  const held = stack.move();
  return { url, pid, client, session, container, [Symbol.asyncDispose]: () => held.disposeAsync() };
}
