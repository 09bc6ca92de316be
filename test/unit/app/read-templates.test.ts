import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createToolRegistry } from '../../../src/agents/tools/registry.ts';
import { checkToolNames, readTemplates } from '../../../src/app/parts/read-templates.ts';
import { temporaryFolder } from '../../support/stores/store.ts';

const own =
  'python_dev node_dev data_analyst script_writer code_reviewer test_writer minimal default plan_act team computer_use code-interpreter claude-code codex gemini-cli opencode';

function read(files: Record<string, string>, template?: string) {
  using folder = temporaryFolder();
  const place = join(folder.path, 'templates');
  if (Object.keys(files).length > 0) mkdirSync(place);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(place, name), text);
  const found = readTemplates({ template, models: { compatible: {} } }, place);
  checkToolNames(found, createToolRegistry());
  return found.map((one) => one.template);
}
const namesOf = (templates: ReturnType<typeof read>) => templates.map(({ name }) => name).join(' ');

test("without a folder there are the server's own templates", () => {
  const templates = read({});
  expect(namesOf(templates)).toBe(own);
  for (const { label, description } of templates) expect(label.length * description.length).toBeGreaterThan(0);
});

test('each own template for an occupation has a prompt of its own', () => {
  expect(new Set(read({}).flatMap(({ prompt }) => prompt ?? [])).size).toBe(11);
});

test("the folder's templates come after the own ones, and replace those of the same name", () => {
  const templates = read({ 'tester.yaml': 'mode: react\nchildren: 8', 'minimal.yml': 'label: Tiny', '.hidden': 'no' });
  expect(namesOf(templates)).toBe(`${own} tester`);
  expect(templates.find(({ name }) => name === 'minimal')).toMatchObject({ label: 'Tiny', description: '' });
  expect(templates.find(({ name }) => name === 'minimal')?.prompt).toBeUndefined();
  expect(templates.at(-1)).toMatchObject({ name: 'tester', label: 'tester', mode: 'react', children: 8 });
});

test('the error names file and key of every mistake, and what was probably meant', () => {
  const files = {
    'a.yaml': 'mode: fast\nprompts: hi',
    'c.yaml': 'name: other',
    'd.yaml': '[1, 2]',
    'e.yaml': 'label: "',
    'f.yaml': 'run: {token-budget: many}',
    'g.yaml': 'model: nobody/x\nmodels: {fallbacks: [openai/a, noone/b]}',
    'h.yaml': 'prompt-parts: {rulez: x, step: Do it., environment: ""}',
    'i.yaml': 'packages: {pip: ["--index-url=http://x"]}',
    'j.yaml': 'packages: {npm: [semver]}\negress: {policy: none}',
    'k.yaml': 'repositories: ["https://u:secret@example.org/a/b"]',
    'l.yaml': 'repositories: [https://example.org/a/b, https://example.org/c/b]',
    'notes.txt': 'hi',
  };
  const wrong = () => read(files);
  expect(wrong).toThrow(/mode in .*templates\/a[.]yaml accepts one of plan-act, react; it got "fast"[.]/);
  expect(wrong).toThrow(/prompts in .*a[.]yaml is not a setting; did you mean prompt[?]/);
  expect(wrong).toThrow(/name in .*c[.]yaml is "other"; the file's own name is c[.]/);
  expect(wrong).toThrow(/The content in .*d[.]yaml must be a mapping/);
  expect(wrong).toThrow(/e[.]yaml cannot be read: /);
  expect(wrong).toThrow(/run[.]token-budget in .*f[.]yaml accepts a whole number, 1 or more; it got "many"[.]/);
  expect(wrong).toThrow(
    /model in .*g[.]yaml is nobody\/x, but there is no provider nobody[.] Providers: demo, gemini, /,
  );
  expect(wrong).toThrow(/models[.]fallbacks in .*g[.]yaml is noone\/b, /);
  expect(wrong).toThrow(
    /prompt-parts[.]rulez in .*h[.]yaml is not a part of the prompt[.] The parts are: project, role, /,
  );
  expect(wrong).toThrow(/prompt-parts[.]step in .*h[.]yaml lacks the placeholder [{]{2}step[}]{2}[.]/);
  expect(wrong).toThrow(/prompt-parts[.]environment in .*h[.]yaml is empty; this part is required[.]/);
  expect(wrong).toThrow(/packages[.]pip in .*i[.]yaml accepts at most 50 Python packages such as pandas==2[.]3[.]3; /);
  expect(wrong).toThrow(/packages in .*j[.]yaml need a registry, but its egress[.]policy is none/);
  expect(wrong).toThrow(/repositories in .*k[.]yaml accepts at most 10 repositories, each a URL such as /);
  expect(wrong).toThrow(/repositories in .*l[.]yaml accepts at most 10 repositories, /);
  expect(wrong).toThrow(/notes[.]txt is not a template: /);
});

test('unknown tool names of all files are reported, with suggestions', () => {
  const wrong = () =>
    read({ 'a.yaml': 'approvals: {tools: [shell_exek]}', 'b.yaml': 'tools: {allow: [shel_exec, nothing_like_it]}' });
  expect(wrong).toThrow(/approvals[.]tools in .*a[.]yaml contains shell_exek, .*; did you mean shell_exec[?]/);
  expect(wrong).toThrow(/tools[.]allow in .*b[.]yaml contains shel_exec, .*; did you mean shell_exec[?]/);
  expect(wrong).toThrow(/contains nothing_like_it, but there is no such tool or group; the groups are bash, /);
});

test('a template names repositories in one line each, or by their fields', () => {
  const text = `repositories:
  - https://example.org/team/backend.git#main
  - {url: https://example.org/team/shared, path: libs/shared, depth: 1, access: read}`;
  expect(read({ 'backend.yaml': text }).find(({ name }) => name === 'backend')?.repositories).toEqual([
    { url: 'https://example.org/team/backend.git', ref: 'main', access: 'write' },
    { url: 'https://example.org/team/shared', path: 'libs/shared', depth: 1, access: 'read' },
  ]);
});

test('a setting that names no template is refused, with the names', () => {
  expect(() => read({}, 'python')).toThrow(
    `CORRAL_TEMPLATE is python, but there is no such template. Templates: ${own.replaceAll(' ', ', ')}.`,
  );
  expect(namesOf(read({ 'python.yaml': '' }, 'python'))).toContain('python');
});
