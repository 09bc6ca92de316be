// @module-tag all
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Addition, additions, type Edit } from '../../support/additions.ts';

// Adds a sample of each pluggable thing to a copy of the tree, by the steps of docs/development.md, and measures how many
// existing files change. The copy must pass the type check, and its server must know every sample.

const repository = resolve(import.meta.dirname, '../../..');
/** The most existing files that a person edits. */
const maxEdited = (what: string) => (what === 'service' ? 6 : 3);
/** The most existing files with the pages that the check writes, where that is promised. */
const maxChanged: Partial<Record<string, number>> = { 'event type': 3, setting: 3 };
const copied = [
  'src',
  'machines',
  'drivers',
  'sandbox-images',
  'scripts',
  'helm',
  'docs',
  'clients',
  'test/core/facades',
];
let root = '';

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'corral-additions-'));
  for (const name of copied) cpSync(join(repository, name), join(root, name), { recursive: true });
  for (const name of ['package.json', 'corral.example.yaml', 'README.md'])
    cpSync(join(repository, name), join(root, name));
  symlinkSync(join(repository, 'node_modules'), join(root, 'node_modules'));
  const { compilerOptions, exclude } = JSON.parse(readFileSync(join(repository, 'tsconfig.json'), 'utf8'));
  writeFileSync(
    join(root, 'tsconfig.json'),
    JSON.stringify({ compilerOptions, include: ['src', 'machines', 'drivers'], exclude }),
  );
  for (const addition of Object.values(additions)) add(addition);
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

function add({ files, edits }: Addition): void {
  for (const [path, text] of Object.entries(files)) {
    if (existsSync(join(root, path))) throw new Error(`${path} exists`);
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  for (const [path, edit] of Object.entries(edits)) {
    for (const [before, after] of (typeof edit[0] === 'string' ? [edit] : edit) as readonly Edit[])
      replaceIn(path, before, after);
  }
}

function replaceIn(path: string, before: string, after: string): void {
  const text = readFileSync(join(root, path), 'utf8');
  if (!text.includes(before)) throw new Error(`${path} has no ${JSON.stringify(before)}`);
  writeFileSync(join(root, path), text.replace(before, after));
}

test.each(Object.entries(additions))('a new %s changes few existing files', (what, { edits, generated = [] }) => {
  const edited = Object.keys(edits);
  const files = edited.length === 1 ? 'file' : 'files';
  const written = generated.length > 0 ? `; the check writes ${generated.join(', ')}` : '';
  process.stdout.write(`${what}: ${edited.length} existing ${files}: ${edited.join(', ')}${written}\n`);
  expect(edited.length).toBeLessThanOrEqual(maxEdited(what));
  expect(edited.length + generated.length).toBeLessThanOrEqual(maxChanged[what] ?? Number.POSITIVE_INFINITY);
});

test('the check writes the pages of the reference that the samples change, and no other', () => {
  const check = () => spawnSync(process.execPath, ['scripts/reference-docs.ts'], { cwd: root, encoding: 'utf8' });
  const first = check();
  const promised = new Set(Object.values(additions).flatMap(({ generated = [] }) => generated));
  expect(
    first.stdout
      .split('\n')
      .flatMap((line) => /^(docs\/\S+) was stale/.exec(line)?.[1] ?? [])
      .sort(),
  ).toEqual([...promised].sort());
  expect(first.status).toBe(1);
  expect(check()).toMatchObject({ status: 0, stdout: '' });
  expect(readFileSync(join(root, 'docs/reference/settings.md'), 'utf8')).toContain('CORRAL_SAMPLE_WORD');
  expect(readFileSync(join(root, 'docs/reference/events.md'), 'utf8')).toContain('The weather changed.');
});

test('the tree with all samples passes the type check', { tags: ['nightly'] }, () => {
  // TypeScript 6.0, which makes a release's declarations; `npm run check` uses 7.0 (docs/decisions/0021).
  const compiler = join(repository, 'node_modules/typescript/bin/tsc');
  const { status, stdout } = spawnSync(process.execPath, [compiler, '-p', root], { cwd: root, encoding: 'utf8' });
  expect(stdout).toBe('');
  expect(status).toBe(0);
});

test('the server with all samples offers every one of them', () => {
  const program = `
    const { configHelp } = await import('./src/app/settings/help.ts');
    const { loadConfig } = await import('./src/app/settings/config.ts');
    const { readFileSync } = await import('node:fs');
    const { toolWords } = await import('./src/agents/tools/words.ts');
    const { toolRegistry } = await import('./src/agents/tools/registry.ts');
    const { facadeDescriptors } = await import('./src/facades/list.ts');
    const { decide } = await import('./src/sandboxes/egress/decide.ts');
    const { appRouter } = await import('./src/api/router.ts');
    const { serviceRules } = await import('./src/sessions/api/services.ts');
    const { SessionFact } = await import('./src/core/model/events.ts');
    const { sideEvents, isNote, laneOf, lineOf } = await import('./src/core/model/event-traits.ts');
    const weather = { type: 'weather', runId: null, data: { sky: 'blue' } };
    const env = { CORRAL_DRIVER: 'sample', CORRAL_SAMPLE_HOST: 'h', CORRAL_EGRESS_POLICY: 'sample', CORRAL_GREETER_GREETING: 'hi' };
    const config = loadConfig(env, readFileSync('corral.example.yaml', 'utf8'));
    const target = { kind: 'name', host: 'sample.example.test', port: 443 };
    console.log(JSON.stringify({
      help: configHelp(),
      event: [SessionFact.safeParse(weather).success, isNote(weather), laneOf(weather), lineOf(weather), sideEvents.has('weather')],
      service: [Object.keys(appRouter._def.procedures).includes('notes.write'), serviceRules.notes.rules.write],
      greeting: [facadeDescriptors.greeter.label, config.greeter],
      driver: [config.driver, config.sample],
      words: toolWords.find(({ name }) => name === 'sample_count'),
      declared: toolRegistry().declarations.some(({ name }) => name === 'sample_count'),
      verdict: decide({ kind: config.egress.policy }, { registries: [], extra: [] }, target),
    }));`;
  const options = { cwd: root, encoding: 'utf8' } as const;
  const said = JSON.parse(execFileSync(process.execPath, ['--input-type=module', '--eval', program], options));
  expect(said).toMatchObject({
    driver: ['sample', { host: 'h' }],
    words: { name: 'sample_count', family: 'sample', group: 'search', label: 'Count' },
    declared: true,
    service: [true, { may: 'work', audit: 'note.write' }],
    event: [true, true, 'sandbox', 'The sky is blue', true],
    greeting: ['Sample', { greeting: 'hi' }],
    verdict: { allowed: true, rule: 'sample' },
  });
  for (const words of [
    'CORRAL_SAMPLE_HOST',
    'sample: a driver of this test',
    'sample: one host of this test',
    'key for Sample',
    'how the sample facade greets',
  ])
    expect(said.help).toContain(words);
});
