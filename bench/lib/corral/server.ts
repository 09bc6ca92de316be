import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { freePort } from '../../../test/support/servers/free-port.ts';
import { freshFolder } from '../calls/folder.ts';
import { tree } from '../measure/tree.ts';
import { serverProcess } from './server-process.ts';

const startMs = 60_000;

export interface RunningServer extends AsyncDisposable {
  readonly url: string;
  readonly pid: number;
  readonly dataDir: string;
}

/** Starts the whole server as users do, on a new data folder. Rejects when the signal fires meanwhile, and leaves nothing. */
export async function startServer(settings: Record<string, string>, signal?: AbortSignal): Promise<RunningServer> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await freshFolder());
  const port = settings.PORT ?? (await freePort());
  const { PATH, HOME, DOCKER_HOST, NODE_EXTRA_CA_CERTS } = process.env;
  const dataDir = settings.CORRAL_DATA_DIR ?? join(folder.path, 'd');
  const own = {
    NODE_ENV: 'production',
    PORT: String(port),
    CORRAL_DATA_DIR: dataDir,
    CORRAL_RATE_LIMIT_PER_MINUTE: '0',
    CORRAL_MAX_CONNECTIONS_PER_ADDRESS: '0',
    CORRAL_SANDBOX_DESKTOP: 'false', // else a row measures the image that happens to be there
  };
  const root = tree();
  const { flags, env } = serverProcess();
  const child = spawn(process.execPath, [...flags, 'src/app/main.ts'], {
    cwd: root,
    env: { ...env, PATH, HOME, DOCKER_HOST, NODE_EXTRA_CA_CERTS, ...own, ...settings },
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true, // ctrl-c reaches only the bench, which then stops the server in order
  });
  let said = '';
  child.stderr.on('data', (chunk) => {
    said = (said + chunk).slice(-2_000);
  });
  const exit = once(child, 'exit');
  stack.defer(async () => {
    child.kill('SIGTERM');
    await exit;
  });
  const url = `http://127.0.0.1:${port}`;
  const deadline = performance.now() + startMs;
  const isUp = () =>
    fetch(`${url}/health`, { signal: AbortSignal.timeout(10_000) }).then(
      ({ ok }) => ok,
      () => false,
    );
  while (!(await isUp())) {
    signal?.throwIfAborted();
    if (child.exitCode !== null) throw new Error(`the server ended with code ${child.exitCode}: ${said}`);
    if (performance.now() > deadline) throw new Error(`the server did not answer within ${startMs / 1_000} s: ${said}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const held = stack.move();
  return { url, pid: child.pid as number, dataDir, [Symbol.asyncDispose]: () => held.disposeAsync() };
}
