// @module-tag nightly
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { removeFolder } from '../../support/stores/store.ts';

// A miniature project, whose npm records its calls and installs what the lock names without dependencies of their own.
let root = '';
const lockfile = (version: string) =>
  JSON.stringify({
    packages: {
      '': {
        name: 'x',
        dependencies: { a: version },
        devDependencies: { bundler: '1.0.0', tester: '1.0.0', docs: '1.0.0', linter: '1.0.0' },
      },
      'node_modules/a': { version },
      'node_modules/b': { version: '1.0.0', optional: true },
      'node_modules/bundler': { version: '1.0.0', dev: true },
      'node_modules/docs': { version: '1.0.0', dev: true, dependencies: { react: '1.0.0' } },
      'node_modules/tester': { version: '1.0.0', dev: true },
      'node_modules/linter': { version: '1.0.0', dev: true },
    },
  });
const manifest = {
  name: 'x',
  dependencies: { a: '1.0.0' },
  devDependencies: { bundler: '1.0.0', tester: '1.0.0', docs: '1.0.0', linter: '1.0.0' },
  onlyForChecks: ['linter'],
  servingFromSource: { bundle: ['bundler'], copy: ['docs'] },
  serverProcess: {
    flags: ['--no-warnings'],
    flagsOfNode: { [process.versions.node.split('.')[0] ?? '']: ['--trace-exit'], 1: ['--no-node-knows-this'] },
    env: { MALLOC_ARENA_MAX: '2' },
  },
};
const fakeNpm = `
  const fs = require('node:fs');
  const root = require('node:path').dirname(__filename);
  if (process.argv[2] === 'config') {
    console.log(JSON.stringify({ registry: 'http://registry.test/npm/', '@own:registry': 'http://other.test/' }));
    process.exit();
  }
  fs.appendFileSync(root + '/npm-calls.txt', process.argv.slice(2).join(' ') + '\\n');
  const lock = JSON.parse(fs.readFileSync('package-lock.json', 'utf8'));
  const { dependencies, devDependencies } = JSON.parse(fs.readFileSync('package.json', 'utf8'));
  const expected = { ...dependencies, ...(process.argv.includes('--omit=dev') ? {} : devDependencies) };
  fs.mkdirSync('node_modules');
  if (fs.existsSync(root + '/npm-fails')) { console.error('no such registry'); process.exit(3); }
  const packages = Object.fromEntries(Object.keys(expected).map((name) => ['node_modules/' + name, lock.packages['node_modules/' + name]]));
  fs.writeFileSync('node_modules/a.js.map', '');
  setTimeout(() => fs.writeFileSync('node_modules/.package-lock.json', JSON.stringify({ packages })), 200);`;

const write = (file: string, text: string) => writeFileSync(join(root, file), text);
function run(...args: string[]) {
  const env = { ...process.env, npm_execpath: join(root, 'npm-cli.js') };
  const child = spawn(process.execPath, [join(root, 'scripts/run.mjs'), ...args], { cwd: root, env });
  const output = { out: '', err: '' };
  child.stdout.on('data', (chunk) => {
    output.out += chunk;
  });
  child.stderr.on('data', (chunk) => {
    output.err += chunk;
  });
  return { child, output, exit: once(child, 'close').then(([code]) => code as number) };
}
const installed = () => JSON.parse(readFileSync(join(root, 'node_modules/.package-lock.json'), 'utf8')).packages;
const npmCalls = () =>
  existsSync(join(root, 'npm-calls.txt')) ? readFileSync(join(root, 'npm-calls.txt'), 'utf8').trim().split('\n') : [];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'corral-run-'));
  for (const folder of ['scripts', 'src/app']) mkdirSync(join(root, folder), { recursive: true });
  for (const name of ['run', 'install']) cpSync(`scripts/${name}.mjs`, join(root, `scripts/${name}.mjs`));
  write('package.json', JSON.stringify(manifest));
  write('package-lock.json', lockfile('1.0.0'));
  write('npm-cli.js', fakeNpm);
  write('src/app/main.ts', '');
  write('hello.ts', 'const who: string = process.argv[2] ?? "nobody"; console.log("hello", who);');
});
afterEach(() => removeFolder(root));

describe('the start of every script', () => {
  test('installs the locked packages without install scripts, and reports it on standard error', async () => {
    const { exit, output } = run('hello.ts', 'world');
    expect([await exit, output.out]).toEqual([0, 'hello world\n']);
    expect(output.err).toMatch(/not installed yet: installing/);
    expect(npmCalls()).toEqual([expect.stringMatching(/^ci --ignore-scripts/)]);
    expect(existsSync(join(root, '.corral-install.lock'))).toBe(false);
  });

  test('installs again only after the lock file changes', async () => {
    for (const version of ['1.0.0', '1.0.0', '2.0.0', '2.0.0']) {
      write('package-lock.json', lockfile(version));
      expect(await run('hello.ts').exit).toBe(0);
    }
    expect(npmCalls()).toHaveLength(2);
  });

  test('installs what serving needs, then what the default tests need, then the rest, and nothing twice', async () => {
    const names = () => Object.keys(installed());
    const server = run('src/app/main.ts');
    expect(await server.exit).toBe(0);
    expect(names()).toEqual(['node_modules/a', 'node_modules/bundler', 'node_modules/docs']);
    expect(installed()['node_modules/docs']).toEqual({ version: '1.0.0' }); // without its dependencies: it only serves files
    expect(server.output.err).toMatch(/dependencies installed: 3 packages\. Tests and checks install the rest/);
    expect(existsSync(join(root, 'node_modules/a.js.map'))).toBe(false);
    for (const args of [['hello.ts', '--tags-filter=!all'], ['src/app/main.ts']]) {
      expect(await run(...args).exit).toBe(0);
      expect(names()).toEqual(expect.arrayContaining(['node_modules/tester', 'node_modules/docs']));
      expect(names()).not.toContain('node_modules/linter');
    }
    for (const args of [['hello.ts'], ['hello.ts', '--tags-filter=!all'], ['src/app/main.ts']]) {
      expect(await run(...args).exit).toBe(0);
      expect(names()).toContain('node_modules/linter');
    }
    expect(npmCalls()).toHaveLength(3);
  });

  test('names the address of each package at the registry that npm is set to, so that npm need not look it up', async () => {
    const { packages } = JSON.parse(lockfile('1.0.0'));
    const locked = { integrity: 'sha512-x', version: '1.2.3' };
    Object.assign(packages, {
      'node_modules/a': locked,
      'node_modules/bundler': { ...locked, name: '@scope/real', dev: true },
      'node_modules/tester': { ...locked, name: '@own/tester', dev: true },
    });
    write('package-lock.json', JSON.stringify({ packages }));
    expect(await run('hello.ts').exit).toBe(0);
    const address = (name: string) => installed()[`node_modules/${name}`].resolved;
    expect([address('a'), address('bundler'), address('tester'), address('docs')]).toEqual([
      'http://registry.test/npm/a/-/a-1.2.3.tgz',
      'http://registry.test/npm/@scope/real/-/real-1.2.3.tgz',
      undefined, // its scope has a registry of its own
      undefined, // without a checksum npm looks it up
    ]);
  });

  test('an installation that fails leaves the packages that are there', async () => {
    expect(await run('hello.ts').exit).toBe(0);
    write('package-lock.json', lockfile('2.0.0'));
    write('npm-fails', '');
    expect(await run('hello.ts').exit).toBe(3);
    expect(existsSync(join(root, 'node_modules/.package-lock.json'))).toBe(true);
  });

  test('keeps packages that a user installed by hand', async () => {
    mkdirSync(join(root, 'node_modules'));
    write('node_modules/.package-lock.json', lockfile('1.0.0'));
    expect([await run('hello.ts').exit, npmCalls()]).toEqual([0, []]);
  });

  test('lets one of two simultaneous starts install, and the other wait', async () => {
    const both = [run('hello.ts', 'a'), run('hello.ts', 'b')];
    expect(await Promise.all(both.map(({ exit }) => exit))).toEqual([0, 0]);
    expect(both.map(({ output }) => output.out)).toEqual(['hello a\n', 'hello b\n']);
    expect(npmCalls()).toHaveLength(1);
  });

  test('takes over a lock whose holder died', async () => {
    const dead = spawn(process.execPath, ['-e', '']);
    await once(dead, 'exit');
    write('.corral-install.lock', JSON.stringify({ pid: dead.pid, at: Date.now() }));
    expect(await run('hello.ts').exit).toBe(0);
  });

  test('exits with the reason when the installation fails, and runs nothing', async () => {
    write('npm-fails', '');
    const { exit, output } = run('hello.ts');
    expect([await exit, existsSync(join(root, '.corral-install.new'))]).toEqual([3, false]);
    expect(output).toEqual({ out: '', err: expect.stringMatching(/no such registry[\s\S]*npm ci failed/) });
    expect(existsSync(join(root, '.corral-install.lock'))).toBe(false);
  });

  test("exits with the program's exit code", async () => {
    expect(await run('-e', 'process.exit(42)').exit).toBe(42);
    expect(await run('-e', 'process.kill(process.pid, "SIGKILL")').exit).toBe(137);
  });

  test('starts the server with the flags and the variables that package.json names, and no other program', async () => {
    const tells =
      'console.log(process.execArgv.includes("--no-warnings"), process.execArgv.includes("--trace-exit"), process.env.MALLOC_ARENA_MAX);';
    write('src/app/main.ts', tells);
    write('other.ts', tells);
    for (const [program, reported] of [
      ['src/app/main.ts', 'true true 2\n'],
      ['other.ts', 'false false undefined\n'],
    ] as const) {
      const { exit, output } = run(program);
      expect([await exit, output.out]).toEqual([0, reported]);
    }
  });

  test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('%s is passed on to the program', async (signal) => {
    const program = `process.on('${signal}', () => { console.log('received'); process.exit(9); }); setInterval(() => {}, 1000); console.log('ready');`;
    const { child, exit, output } = run('-e', program);
    await expect.poll(() => output.out).toContain('ready');
    child.kill(signal);
    expect(await exit).toBe(9);
    expect(output.out).toContain('received');
  });
});
