import { containerOf } from '../calls/engine-api.ts';
import { sessionClient } from './client.ts';
import { startServer } from './server.ts';

/** A server on Docker as users start it, with one session whose sandbox is ready. */
export async function dockerSession(stack: AsyncDisposableStack) {
  const { url, pid } = stack.use(await startServer({ CORRAL_DRIVER: 'docker', CORRAL_EGRESS_POLICY: 'none' }));
  const client = stack.use(sessionClient({ url }));
  const session = await client.started();
  return { url, pid, client, session, container: await containerOf(session) };
}
