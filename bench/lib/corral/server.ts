import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { freePort } from '../../../test/support/servers/free-port.ts';
import { createTempFolder } from '../calls/folder.ts';
import { waitUntil } from '../calls/until.ts';
import { measuredCheckout } from '../measure/against.ts';

const startMs = 60_000;
const Package = z.object({
  scripts: z.object({ start: z.string() }),
  serverProcess: z.object({ flags: z.array(z.string()), env: z.record(z.string(), z.string()) }),
});

const withFake = 'test/support/servers/main.ts';

/** Prefers the measured checkout's test server, which includes the fake driver. */
export function readServerCommand(): { flags: string[]; env: Record<string, string>; program: string } {
  const { scripts, serverProcess } = Package.parse(
    JSON.parse(readFileSync(join(measuredCheckout(), 'package.json'), 'utf8')),
  );
  const program = existsSync(join(measuredCheckout(), withFake)) ? withFake : (scripts.start.split(' ').at(-1) ?? '');
  return { ...serverProcess, program };
}

export interface RunningServer extends AsyncDisposable {
  readonly url: string;
  readonly pid: number;
}

/** Starts the whole server as users do, on a new data folder. Rejects and cleans up if the signal aborts first. */
export async function startServer(settings: Record<string, string>, signal?: AbortSignal): Promise<RunningServer> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await createTempFolder());
  const port = settings.PORT ?? (await freePort());
  const { PATH, HOME, DOCKER_HOST, NODE_EXTRA_CA_CERTS } = process.env;
  const own = {
    NODE_ENV: 'production',
    PORT: String(port),
    NODE_COMPILE_CACHE: join(measuredCheckout(), 'node_modules/.cache/compiled'), // as scripts/run.mjs sets it
    CORRAL_DATA_DIR: join(folder.path, 'd'),
    CORRAL_RATE_LIMIT_PER_MINUTE: '0',
    CORRAL_MAX_CONNECTIONS_PER_ADDRESS: '0',
    CORRAL_SANDBOX_DESKTOP: 'false', // otherwise results would depend on whether the desktop image exists
  };
  const { flags, env, program } = readServerCommand();
  const child = spawn(process.execPath, [...flags, program], {
    cwd: measuredCheckout(),
    env: { ...env, PATH, HOME, DOCKER_HOST, NODE_EXTRA_CA_CERTS, ...own, ...settings },
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true, // ctrl-c reaches only the bench, which then shuts the server down
  });
  let text = '';
  child.stderr.on('data', (chunk) => {
    text = (text + chunk).slice(-2_000);
  });
  const exit = once(child, 'exit');
  stack.defer(async () => {
    child.kill('SIGTERM');
    await exit;
  });
  const url = `http://127.0.0.1:${port}`;
  const isUp = async () => {
    signal?.throwIfAborted();
    if (child.exitCode !== null) throw new Error(`the server ended with code ${child.exitCode}: ${text}`);
    const answer = await fetch(`${url}/health`, { signal: AbortSignal.timeout(10_000) }).catch(() => undefined);
    return answer?.ok === true;
  };
  await waitUntil(isUp, 'the server answered', startMs);
  const held = stack.move();
  return { url, pid: child.pid as number, [Symbol.asyncDispose]: () => held.disposeAsync() };
}
