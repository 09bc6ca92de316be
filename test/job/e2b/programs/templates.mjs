// A program written on the E2B SDK that builds a template and starts sandboxes of it. It knows nothing of Corral.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Sandbox, Template, waitForPort } from 'e2b';
import { failing, print, step } from './steps.mjs';

const name = 'tools-of-javascript';
const folder = mkdtempSync(join(tmpdir(), 'e2b-template-'));
writeFileSync(join(folder, 'greeting.txt'), 'hello\n');
const template = () =>
  Template({ fileContextPath: folder })
    .fromBaseImage()
    .aptInstall(['bc'])
    .pipInstall(['six'])
    .npmInstall(['semver'], { g: true })
    .setEnvs({ COLOUR: 'blue' })
    .setWorkdir('/home/user/app')
    .copy('greeting.txt', '.')
    .runCmd('pwd > where.txt')
    .setStartCmd('python3 -m http.server 8080', waitForPort(8080));
const lines = [];
const build = (what, options = {}) =>
  Template.build(what, name, { onBuildLogs: ({ message }) => lines.push(message), ...options });

await step('build', async () => {
  const { templateId, buildId, tags } = await build(template(), { tags: ['v1', 'default'] });
  return [templateId.startsWith('tpl-'), buildId.length > 0, [...tags].sort()];
});
await step('log', () => [
  lines.filter((line) => /^\[\d+\/\d+\] (RUN|COPY|ENV|WORKDIR)/.test(line)).length > 5,
  lines.some((line) => line.includes('Setting up bc')),
  lines.some((line) => line.includes('Successfully installed six')),
  lines.some((line) => /added \d+ package/.test(line)),
  lines.some((line) => line.includes('blue')),
]);
await step('found', async () => [await Template.exists(name), await Template.exists('tools-of-nobody')]);
await step('started', async () => {
  const sandbox = await Sandbox.create(name, { timeoutMs: 120_000 });
  const words = 'echo 6*7 | bc; python3 -c "import six; print(six.__name__)"; semver 1.2.3';
  const { stdout } = await sandbox.commands.run(
    `${words}; cat app/where.txt; curl -s localhost:8080/greeting.txt; echo $COLOUR`,
  );
  await sandbox.kill();
  return stdout.split('\n');
});
await step('by a tag', async () => {
  const sandbox = await Sandbox.create(`${name}:v1`, { timeoutMs: 120_000 });
  const { stdout } = await sandbox.commands.run('semver 2.0.0');
  await sandbox.kill();
  return [stdout, await failing(() => Sandbox.create(`${name}:v9`))];
});
await step('again', async () => {
  lines.length = 0;
  await build(template());
  return lines.some((line) => line.includes('All steps are cached'));
});
await step('a step that fails', async () => {
  lines.length = 0;
  const failed = await failing(() => build(template().runCmd('echo before; exit 3')));
  return [
    failed,
    lines.some((line) => line.includes('exit code 3')),
    lines.filter((line) => line.startsWith('CACHED')),
  ];
});
await step('an image that is not allowed', () =>
  failing(() => build(Template().fromImage('evil/image').runCmd('true'))),
);
await step('tags', async () => {
  const tagged = await Template.assignTags(`${name}:v1`, ['stable']);
  const names = async () => (await Template.getTags(name)).map(({ tag }) => tag).sort();
  const before = await names();
  await Template.removeTags(name, ['stable']);
  return [tagged.tags, before, await names()];
});
rmSync(folder, { recursive: true });
print();
