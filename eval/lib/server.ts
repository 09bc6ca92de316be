import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import { startServer } from '../../bench/lib/corral/server.ts';
import { type CorralClient, createCorralClient } from '../../src/client/index.ts';

export interface EvalServer extends AsyncDisposable {
  readonly corral: CorralClient;
}

/**
 * Starts a server with its own data folder. It uses the user's models; its sandboxes have a browser and no network
 * access. Disposal ends the sandboxes of interrupted attempts.
 */
export async function startEvalServer(
  settings: Readonly<Record<string, string>>,
  interrupted: AbortSignal,
): Promise<EvalServer> {
  await using stack = new AsyncDisposableStack();
  const token = randomBytes(24).toString('hex');
  const { url } = stack.use(
    await startServer(
      {
        ...usersModels(),
        CORRAL_TOKEN: token,
        CORRAL_SANDBOX_DESKTOP: 'true',
        CORRAL_SANDBOX_MEMORY: '2GiB',
        CORRAL_EGRESS_POLICY: 'none',
        ...settings,
      },
      interrupted,
    ),
  );
  const corral = stack.use(createCorralClient({ url, token, transport: 'ws' }));
  stack.defer(() => endSessions(corral));
  const held = stack.move();
  return { corral, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

const patienceMs = 30_000;

/** A stopping server leaves its sandboxes to its next start, which this server does not have. */
async function endSessions({ sessions }: CorralClient): Promise<void> {
  const signal = AbortSignal.timeout(patienceMs);
  const { items } = await sessions.list.query({ limit: 500 }, { signal });
  if (items.length > 0) await sessions.deleteMany.mutate({ ids: items.map(({ id }) => id) }, { signal });
}

function usersModels(): Record<string, string> {
  const isOf = (name: string) =>
    /^CORRAL_MODELS_/.test(name) || /^(GEMINI|GOOGLE|OPENAI|ANTHROPIC)_API_KEY$/.test(name);
  const found = Object.entries(process.env).filter(([name]) => isOf(name));
  const { CORRAL_CONFIG: config } = process.env;
  return { ...Object.fromEntries(found as [string, string][]), ...(config && { CORRAL_CONFIG: resolve(config) }) };
}
