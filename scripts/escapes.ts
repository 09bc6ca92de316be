// `npm run escapes -- --driver docker|docker:builds|docker:services|docker:runsc|process|kubernetes`: tries to escape
// from a driver's real sandboxes, template builds or services, and writes what stopped each attempt into
// `.reports/escapes-<driver>.md`. Exits with 1 if an attempt succeeded.
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';

const tests = {
  docker: ['test/job/escapes/docker.test.ts'],
  'docker:builds': ['test/job/escapes/docker-builds.test.ts'],
  'docker:services': ['test/job/escapes/docker-services.test.ts'],
  'docker:runsc': ['test/job/escapes/docker-runsc.test.ts'],
  process: ['test/job/escapes/process.test.ts'],
  kubernetes: ['test/cluster/all.test.ts', '-t', 'every attempt to escape'],
};
const root = join(import.meta.dirname, '..');
const { values: requested } = parseArgs({ options: { driver: { type: 'string', default: 'docker' } } });
const driver = z
  .enum(['docker', 'docker:builds', 'docker:services', 'docker:runsc', 'process', 'kubernetes'])
  .parse(requested.driver);
const report = join(root, `.reports/escapes-${driver.replace(':', '-')}.json`);

rmSync(report, { force: true });
const vitest = ['node_modules/vitest/vitest.mjs', 'run', ...tests[driver]];
const { status } = spawnSync(process.execPath, vitest, {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, CI: 'true', TEST_NIGHTLY: '1' }, // two of the drivers are tried in nightly runs only
});

const Attempts = z.array(z.object({ group: z.string(), what: z.string(), outcome: z.string(), by: z.string() }));
const attempts = Attempts.parse(JSON.parse(readFileSync(report, 'utf8')));
const escaped = attempts.filter(({ outcome }) => outcome === 'escaped');
for (const { group, what, by } of escaped) console.log(`ESCAPED  ${group}: ${what}: ${by}`);

const cell = (text: string) => text.replaceAll(/[|\n]/g, ' ').replaceAll('<', '&lt;');
const fate = ({ outcome, by }: { outcome: string; by: string }) =>
  outcome === 'absent' ? 'not there' : `${outcome}: ${by}`;
const rows = [...Map.groupBy(attempts, (it) => JSON.stringify([it.group, fate(it)]))].map(([key, those]) => {
  const [group, message] = JSON.parse(key) as [string, string];
  return `| ${group} | ${those.map(({ what }) => cell(what)).join('; ')} | ${cell(message)} |`;
});
const count = (outcome: string) => attempts.filter((it) => it.outcome === outcome).length;
const text = [
  `# ${driver}`,
  '',
  `${attempts.length} attempts: ${count('stopped')} stopped, ${count('absent')} found nothing to try it on, ` +
    `${count('harmless')} worked and reach nothing outside, ${escaped.length} escaped.`,
  '',
  '| part | attempts | what became of them |',
  '| --- | --- | --- |',
  ...rows,
].join('\n');
const page = `.reports/escapes-${driver.replace(':', '-')}.md`;
writeFileSync(join(root, page), `${text}\n`);
console.log(`${driver}: ${attempts.length} attempts, ${escaped.length} escaped; ${page} lists what stopped each`);
process.exitCode = status === 0 && escaped.length === 0 ? 0 : 1;
