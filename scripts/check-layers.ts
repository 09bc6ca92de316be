// `node scripts/check-layers.ts <minimum number of modules> [root]`: checks which layer imports which, by .dependency-
// cruiser.cjs. A check that finds no files would always pass, so the check includes the number of modules.
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { cruise, type ICruiseResult, type IReporterOutput } from 'dependency-cruiser';

const [atLeast = '1', root = process.cwd()] = process.argv.slice(2);
const folders = ['src', 'machines', 'drivers', 'sandbox-images'].filter((folder) => existsSync(join(root, folder)));
const { forbidden, options } = createRequire(import.meta.url)('../.dependency-cruiser.cjs');
const cruised = await cruise(folders, {
  ...options,
  baseDir: root,
  ruleSet: { forbidden },
  validate: true,
  outputType: 'json',
});
const { modules, summary } = JSON.parse((cruised as IReporterOutput).output as string) as ICruiseResult;

const ours = modules.filter(({ source }) => folders.some((folder) => source.startsWith(`${folder}/`)));
const problems = summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} -> ${to}`);
if (ours.length < Number(atLeast)) problems.push(`cruised ${ours.length} modules, expected at least ${atLeast}`);
for (const problem of problems) console.error(problem);
process.exitCode = problems.length > 0 ? 1 : 0;
