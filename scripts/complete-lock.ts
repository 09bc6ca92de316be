// npm omits an optional package from package-lock.json if its registry lacks it, such as a company's mirror without
// other platforms' binaries. `npm ci` then rejects the lock everywhere. This script adds the missing packages, in the
// exact version that the parent names. `--check` only reports them.
import { readFileSync, writeFileSync } from 'node:fs';

interface Entry {
  version?: string;
  optional?: boolean;
  dev?: boolean;
  os?: string[];
  cpu?: string[];
  libc?: string[];
  optionalDependencies?: Record<string, string>;
}
const file = new URL('../package-lock.json', import.meta.url);
const lock = JSON.parse(readFileSync(file, 'utf8')) as { packages: Record<string, Entry> };

const systems = ['aix', 'android', 'darwin', 'freebsd', 'linux', 'netbsd', 'openbsd', 'openharmony', 'sunos', 'win32'];
const processors = ['arm64', 'arm', 'ia32', 'loong64', 'mips64el', 'ppc64', 'riscv64', 's390x', 'x64'];

const missing = Object.entries(lock.packages).flatMap(([path, { dev, optionalDependencies = {} }]) =>
  Object.entries(optionalDependencies)
    .filter(
      ([name]) =>
        path !== '' && !lock.packages[`node_modules/${name}`] && !lock.packages[`${path}/node_modules/${name}`],
    )
    .map(([name, version]): [string, Entry] => {
      const words = name.split(/[/-]/);
      const os = systems.filter((system) => words.includes(system));
      const cpu = processors.filter((processor) => words.includes(processor));
      const libc = words.includes('musl') ? ['musl'] : words.includes('gnu') ? ['glibc'] : undefined;
      return [`node_modules/${name}`, { version, cpu, ...(dev && { dev }), ...(libc && { libc }), optional: true, os }];
    }),
);
const names = missing.map(([path, { version }]) => `${path.slice('node_modules/'.length)}@${version}`);
const unknown = missing.filter(
  ([, { os, cpu, version }]) => os?.length !== 1 || cpu?.length !== 1 || !/^\d/.test(version ?? ''),
);

if (process.argv.includes('--check')) {
  if (names.length > 0) console.error(`package-lock.json lacks ${names.join(', ')}: run node scripts/complete-lock.ts`);
  process.exitCode = names.length > 0 ? 1 : 0;
} else if (unknown.length > 0) {
  console.error(`cannot tell platform or exact version of ${unknown.map(([path]) => path).join(', ')}`);
  process.exitCode = 1;
} else {
  const [root, ...others] = Object.entries({ ...lock.packages, ...Object.fromEntries(missing) });
  others.sort(([a], [b]) => a.localeCompare(b, 'en')); // npm's own order
  writeFileSync(
    file,
    `${JSON.stringify({ ...lock, packages: Object.fromEntries(root ? [root, ...others] : others) }, null, 2)}\n`,
  );
  console.log(names.length > 0 ? `added ${names.join(', ')}` : 'nothing was missing');
}
