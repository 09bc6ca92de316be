import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import packageJson from '../../../package.json' with { type: 'json' };
import { run } from '../clients/api.ts';
import { endSandboxes } from '../sandboxes/ended-sandboxes.ts';
import { removeFolder } from '../stores/store.ts';
import { serverProgram } from './built-server.ts';
import { freePort } from './free-port.ts';

interface ServerAddress {
  readonly folder: string;
  readonly port: number;
  readonly under: Wrapper;
}
/** A command, derived from the data folder, that runs the server under limits or on its own disk. */
type Wrapper = (data: string) => readonly [program: string, ...args: string[]] | undefined;

const startMs = 240_000; // only a server that hangs takes longer
const { serverProcess: serverSettings } = packageJson;
const flagsOfNode: Readonly<Record<string, readonly string[]>> = serverSettings.flagsOfNode;
const serverFlags = [...serverSettings.flags, ...(flagsOfNode[process.versions.node.split('.')[0] ?? ''] ?? [])];

async function started({ folder, port, under }: ServerAddress, settings: Record<string, string>) {
  const { PATH, HOME, NODE_EXTRA_CA_CERTS, DOCKER_HOST, NODE_COMPILE_CACHE } = process.env;
  const data = join(folder, 'data');
  const env = {
    ...serverSettings.env,
    PATH,
    HOME,
    NODE_EXTRA_CA_CERTS,
    DOCKER_HOST,
    NODE_COMPILE_CACHE,
    PORT: String(port),
    CORRAL_DATA_DIR: data,
    CORRAL_SANDBOX_DESKTOP: 'false', // otherwise sandboxes depend on the images of this machine
    ...settings,
  };
  const command = [process.execPath, ...serverFlags, serverProgram()];
  const [program = '', ...args] = [...(under(data) ?? []), ...command];
  const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const { promise: ready, resolve: isReady, reject: isNot } = Promise.withResolvers<void>();
  const late = setTimeout(() => isNot('is not up in time'), startMs);
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output += chunk;
      if (`${chunk}`.includes(' is ready at http')) isReady(); // one write, so one chunk
    });
  }
  const abandoned = () => child.kill('SIGKILL'); // when the test's own process exits first
  process.once('exit', abandoned);
  child.once('exit', () => process.off('exit', abandoned));
  const exit = once(child, 'exit').then(([code]) => code as number | null);
  void exit.then(() => isNot('did not start'), isNot);
  await ready
    .catch((why: unknown) => {
      child.kill('SIGKILL');
      throw new Error(`the server ${why}:\n${output}`);
    })
    .finally(() => clearTimeout(late));
  const closeOutput = () => [child.stdout, child.stderr].map((stream) => stream.destroy());
  const kill = (signal: NodeJS.Signals) => child.kill(signal);
  return { exit, output: () => output, pid: child.pid as number, kill, closeOutput };
}

/** The real server as its own process with its own data folder; disposing stops the server and removes the folder. */
export async function serverProcess(settings: Record<string, string>, under: Wrapper = () => undefined) {
  const folder = await mkdtemp(join(tmpdir(), 'corral-server-'));
  const port = await freePort();
  let server = await started({ folder, port, under }, settings).catch(async (error: unknown) => {
    await removeFolder(folder);
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
      // A sandbox can hold folders that only root may change: those of skills, for example.
      if (process.getuid?.() !== 0) await run('chmod', ['-R', 'u+rwX', folder]).catch(() => {});
      await removeFolder(folder);
    },
  };
}
export type ServerProcess = Awaited<ReturnType<typeof serverProcess>>;
