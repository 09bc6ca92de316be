// `node scripts/check-layers.ts <minimum number of modules> [root]`: checks imports between layers against
// .dependency-cruiser.cjs, and that no two wings import each other. Fails if it finds fewer modules than the minimum,
// because a check that finds no files would always pass.
import { existsSync, globSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, posix } from 'node:path';
import { cruise, type ICruiseResult, type IReporterOutput } from 'dependency-cruiser';

const [atLeast = '1', root = process.cwd()] = process.argv.slice(2);
const folders = ['src', 'machines', 'drivers', 'sandbox-images'].filter((folder) => existsSync(join(root, folder)));
const workshop = ['test', 'bench', 'eval', 'scripts'];
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
const importsOfWorkshop = readWorkshop();
problems.push(...pairsBothWays(), ...circlesOfWorkshop(), ...largeFolders());
if (ours.length < Number(atLeast)) problems.push(`cruised ${ours.length} modules, expected at least ${atLeast}`);
for (const problem of problems) console.error(problem);
process.exitCode = problems.length > 0 ? 1 : 0;

/** A wing is a folder of `src`, the tests' support folder, or a folder next to `src`. */
function wingOf(path: string): string | undefined {
  const [top = '', second = '', third] = path.split('/');
  if (top === 'src') return third === undefined ? undefined : `src/${second}`;
  if (top === 'test' && second === 'support') return 'test/support';
  return folders.includes(top) || workshop.includes(top) ? top : undefined;
}

function pairsBothWays(): string[] {
  const product = ours.flatMap(({ source, dependencies }) => dependencies.map(({ resolved }) => [source, resolved]));
  const example = new Map<string, string>();
  for (const [source = '', target = ''] of [...product, ...importsOfWorkshop]) {
    const [from, to] = [wingOf(source), wingOf(target)];
    if (from && to && from !== to) example.set(`${from} ${to}`, `${source} -> ${target}`);
  }
  return [...example].flatMap(([pair, imported]) => {
    const [from, to] = pair.split(' ') as [string, string];
    const back = example.get(`${to} ${from}`);
    return back && from < to ? [`wings both ways: ${from} and ${to}: ${imported}, and ${back}`] : [];
  });
}

/** Imports of the code that builds, tests and measures the product. Read as text, because resolving them is slow. */
function readWorkshop(): [from: string, to: string][] {
  const files = globSync(`{${workshop.join(',')}}/**/*.{ts,mjs}`, { cwd: root });
  return files.flatMap((file) => {
    const imported = readFileSync(join(root, file), 'utf8').matchAll(/(?:from|import\()\s*'([.][^']+)'/g);
    const targets = [...imported].map(([, to = '']) => posix.join(dirname(file), to));
    // Text that a test writes to a file can look like an import.
    return targets.filter((to) => existsSync(join(root, to))).map((to) => [file, to] as [string, string]);
  });
}

function circlesOfWorkshop(): string[] {
  const imports = Map.groupBy(importsOfWorkshop, ([from]) => from);
  const circles = new Map<string, string>();
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): void => {
    const begin = path.indexOf(file);
    if (begin >= 0) {
      const circle = path.slice(begin);
      circles.set(circle.toSorted().join(' '), [...circle, file].join(' -> '));
    } else if (!done.has(file)) {
      for (const [, to] of imports.get(file) ?? []) visit(to, [...path, file]);
      done.add(file);
    }
  };
  for (const file of imports.keys()) visit(file, []);
  return [...circles.values()].map((circle) => `circle: ${circle}`);
}

/** With more files than the limit, no folder name can describe the content. */
function largeFolders(): string[] {
  const most = 20;
  const counts = Map.groupBy(ours, ({ source }) => dirname(source));
  return [...counts].flatMap(([folder, { length }]) =>
    length > most ? [`large folder: ${folder} holds ${length} files, more than ${most}`] : [],
  );
}
