// `npm run sbom [-- <file>]`: writes the components of a release (CycloneDX, JSON) to stdout or a file. npm lists all
// components of package-lock.json, because `npm sbom --omit dev` would also omit those that a development tool shares,
// such as zod. The lock then shows which components a server runs.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import {
  findSbomProblems,
  type PackageLock,
  pickServerComponents,
  Sbom,
  withoutDownloadLocations,
} from './sbom-check.ts';

const root = resolve(import.meta.dirname, '..');
const args = ['sbom', '--sbom-format', 'cyclonedx', '--package-lock-only'];
const text = execFileSync('npm', args, {
  cwd: root,
  encoding: 'utf8',
  maxBuffer: 2 ** 26,
  stdio: ['ignore', 'pipe', 'pipe'],
});
const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as PackageLock;
const sbom = withoutDownloadLocations(pickServerComponents(Sbom.parse(JSON.parse(text)), lock));
const problems = findSbomProblems(sbom, lock);
for (const problem of problems) console.error(`sbom: ${problem}`);
if (problems.length > 0) process.exit(1);

const [file] = process.argv.slice(2);
const json = `${JSON.stringify(sbom, null, 2)}\n`;
if (file === undefined) process.stdout.write(json);
else writeFileSync(file, json);
console.error(`sbom: ${sbom.components.length} parts, each with a version and a hash.`);
