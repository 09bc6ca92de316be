import { globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';

// Rules for our dependencies. Raise a number or extend a list here only on purpose, and give the reason in the commit.

interface Entry {
  readonly version?: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly license?: string;
  readonly link?: boolean;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly hasInstallScript?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}
const repository = resolve(import.meta.dirname, '../..');
const read = (path: string) => readFileSync(join(repository, path), 'utf8');
const lock = JSON.parse(read('package-lock.json')) as { lockfileVersion: number; packages: Record<string, Entry> };
const { '': root = {}, ...packages } = lock.packages;
const served = Object.entries(packages).filter(([, { dev, optional }]) => !dev && !optional);

/** The first fault of an entry in the lock file; undefined if there is none. */
function fault(path: string, { version, resolved, integrity, link, optional, dev }: Entry): string | undefined {
  if (link) return `${path} is a folder`;
  if (!/^\d+\.\d+\.\d+(-[\w.]+)?(\+[\w.]+)?$/.test(version ?? '')) return `${path} has the version ${version}`;
  if (resolved !== undefined && !resolved.startsWith('https://')) return `${path} comes from ${resolved}`;
  // Exception: optional tools for other platforms, which the registry behind the lock file does not have.
  if (integrity === undefined && optional && dev) return undefined;
  if (!/^sha512-[\w+/]{86}==( |$)/.test(integrity ?? '')) return `${path} has the integrity ${integrity}`;
  return undefined;
}

test('every package of the lock has an exact version and a hash, and comes from a registry', () => {
  expect(lock.lockfileVersion).toBe(3);
  expect(Object.keys(packages).length).toBeGreaterThan(300);
  expect(Object.entries(packages).flatMap(([path, entry]) => fault(path, entry) ?? [])).toEqual([]);
});

const good = { version: '1.2.3', integrity: `sha512-${'a'.repeat(86)}==` };
test.each<[string, Entry]>([
  ['without a hash', { version: '1.2.3' }],
  ['with a weak hash', { ...good, integrity: 'sha1-aaaa' }],
  ['from git', { ...good, resolved: 'git+ssh://git@example.com/a.git#abc' }],
  ['from a file', { ...good, resolved: 'file:../a.tgz' }],
  ['over http', { ...good, resolved: 'http://example.com/a.tgz' }],
  ['that is a link', { ...good, link: true }],
  ['at a version that is no version', { ...good, version: 'latest' }],
])('a package %s would be found', (_what, entry) => {
  expect(fault('a', good)).toBeUndefined();
  expect(fault('a', entry)).toBeDefined();
});

test('dependencies are requested by version, not by address', () => {
  const requested = { ...root.dependencies, ...root.devDependencies, ...root.optionalDependencies };
  // `npm:<name>@` installs a package of the registry under a second name, next to another version of it.
  const byVersion = /^(npm:[a-z-]+@)?[\^~]?\d+\.\d+\.\d+$/;
  expect(Object.entries(requested).filter(([, range]) => !byVersion.test(range))).toEqual([]);
});

test('a clone that only serves installs every package from which the page and the daemon are bundled', () => {
  const { servingFromSource } = JSON.parse(read('package.json')) as { servingFromSource: Record<string, string[]> };
  const sources = globSync(['src/web/**/*.{ts,tsx}', 'scripts/bundle-*.ts'], { cwd: repository }).map(read);
  const imports = /^(?:import|export) (?:[^']* from )?'(@[\w-]+\/[\w.-]+|[a-z][\w.-]*)/gm;
  const imported = sources.flatMap((text) => [...text.matchAll(imports)].map(([, name]) => name as string));
  const own = new Set([...Object.values(servingFromSource).flat(), ...Object.keys(root.dependencies ?? {})]);
  expect([...new Set(imported)].filter((name) => !own.has(name) && !name.startsWith('node'))).toEqual([]);
});

test('the number of packages that a server installs stays within its limit', () => {
  expect(served.length).toBeLessThanOrEqual(300);
  expect(Object.keys(root.dependencies ?? {}).length).toBeLessThanOrEqual(41);
});

test('the packages of a server have licences that require only attribution', () => {
  const usual = ['MIT', 'Apache-2.0', 'ISC', 'BSD', 'BSD-2-Clause', 'BSD-3-Clause', '0BSD', 'Unlicense'];
  const known = new Set([...usual, 'Python-2.0', 'PSF-2.0', '(MPL-2.0 OR Apache-2.0)', '(AFL-2.1 OR BSD-3-Clause)']);
  // noVNC is served unchanged, with its own notice. Each of the others has its licence, MIT, in a file.
  const others = ['@novnc/novnc', 'ssh2'];
  const strange = served.filter(([, { license }]) => !known.has(license ?? ''));
  expect(strange.map(([path]) => path.replace(/^.*node_modules\//, '')).sort()).toEqual(others);
});

test("Corral's installs run no install scripts, and the packages with such a script are listed", () => {
  const wanting = Object.entries(packages).filter(([, { hasInstallScript }]) => hasInstallScript);
  const names = wanting.map(([path]) => path.replace(/^.*node_modules\//, '')).sort();
  expect(names).toEqual(['@scarf/scarf', 'core-js', 'cpu-features', 'esbuild', 'protobufjs', 'ssh2']);
  expect(read('scripts/install.mjs')).toMatch(/'ci',\s+'--ignore-scripts',/);
  const installs = read('Dockerfile').match(/\bnpm (ci|install)\b.*/g) ?? [];
  expect(installs.length).toBeGreaterThan(0);
  for (const line of installs) expect(line).toContain('--ignore-scripts');
});

test('the server has no native add-on: what would be one is optional, and the image is built without', () => {
  const native = Object.entries(packages).filter(([path]) =>
    /(^|\/)(node-gyp|node-addon-api|nan|bindings|prebuild-install|node-gyp-build)$/.test(path),
  );
  expect(native.filter(([, { dev, optional }]) => !dev && !optional).map(([path]) => path)).toEqual([]);
  expect(read('Dockerfile')).toContain('--omit=optional');
});

test('the image starts the server as package.json says', () => {
  const { flags: common, flagsOfNode, env } = JSON.parse(read('package.json')).serverProcess;
  const image = read('Dockerfile');
  const major = /^FROM node:(\d+)/m.exec(image)?.[1] ?? '';
  const flags = [...common, ...(flagsOfNode[major] ?? [])];
  expect(image).toContain(
    `ENTRYPOINT ${JSON.stringify(['/usr/local/bin/node', ...flags, '/app/server/main.js']).replaceAll(',', ', ')}`,
  );
  for (const [name, value] of Object.entries(env)) expect(image).toContain(`${name}=${value}`);
});
