import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, vi } from 'vitest';
import { endSandboxes } from './ended-sandboxes.ts';
import { freePort } from './free-port.ts';

interface Place {
  readonly folder: string;
  readonly port: number;
  readonly under: Under;
}
/** A command, made from the data folder, that runs the server under limits or on a disk of its own. */
type Under = (data: string) => readonly [program: string, ...args: string[]] | undefined;

async function started({ folder, port, under }: Place, settings: Record<string, string>) {
  const { PATH, HOME, NODE_EXTRA_CA_CERTS, DOCKER_HOST, NODE_COMPILE_CACHE } = process.env;
  const data = join(folder, 'data');
  const env = {
    PATH,
    HOME,
    NODE_EXTRA_CA_CERTS,
    DOCKER_HOST,
    NODE_COMPILE_CACHE,
    PORT: String(port),
    CORRAL_DATA_DIR: data,
    ...settings,
  };
  const command = [process.execPath, '--disable-warning=ExperimentalWarning', 'src/main.ts'];
  const [program = '', ...args] = [...(under(data) ?? []), ...command];
  const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output += chunk;
    });
  }
  const abandoned = () => child.kill('SIGKILL'); // when the test's own process exits first
  process.once('exit', abandoned);
  child.once('exit', () => process.off('exit', abandoned));
  const exit = once(child, 'exit').then(([code]) => code as number | null);
  const isUp = async () => {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`the server did not start:\n${output}`);
    return await fetch(`http://127.0.0.1:${port}/health`).then(
      ({ status }) => status,
      () => 0,
    );
  };
  const late = (thrown: unknown) => {
    child.kill('SIGKILL');
    throw new Error(`the server is not up after a minute:\n${output}`, { cause: thrown });
  };
  await vi.waitFor(async () => expect(await isUp()).toBe(200), { timeout: 60_000, interval: 20 }).catch(late); // also in beforeAll
  const closeOutput = () => [child.stdout, child.stderr].map((stream) => stream.destroy());
  const kill = (signal: NodeJS.Signals) => child.kill(signal);
  return { exit, output: () => output, pid: child.pid as number, kill, closeOutput };
}

/** The real server as its own process with its own data folder; disposing stops the server and removes the folder. */
export async function serverProcess(settings: Record<string, string>, under: Under = () => undefined) {
  const folder = await mkdtemp(join(tmpdir(), 'corral-server-'));
  const port = await freePort();
  let server = await started({ folder, port, under }, settings).catch(async (error: unknown) => {
    await rm(folder, { recursive: true, force: true });
    throw error;
  });
  return {
    url: `http://127.0.0.1:${port}`,
    data: join(folder, 'data'),
    get exit() {
      return server.exit;
    },
    get pid() {
      return server.pid;
    },
    output: () => server.output(),
    kill: (signal: NodeJS.Signals) => server.kill(signal),
    /** Closes the reading ends of the server's stdout and stderr. */
    closeOutput: () => void server.closeOutput(),
    /**
     * Waits until the old server has exited, then starts one on the same data. `more` settings are for this server only.
     */
    async restart(more: Record<string, string> = {}) {
      await server.exit;
      server = await started({ folder, port, under }, { ...settings, ...more });
    },
    async [Symbol.asyncDispose]() {
      server.kill('SIGTERM');
      await server.exit;
      await endSandboxes(join(folder, 'data'));
      await rm(folder, { recursive: true, force: true });
    },
  };
}
export type ServerProcess = Awaited<ReturnType<typeof serverProcess>>;
