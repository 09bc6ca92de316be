import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { joinLines } from '../../../src/core/text/text.ts';
import { parseSkill } from '../../../src/sessions/run/skills/parse-skill.ts';
import { findWorkspaceSkills, WorkspaceSkillFinder } from '../../../src/sessions/run/skills/workspace-skills.ts';
import { publicInputs } from '../../support/public-inputs.ts';

// SKILL.md files as people write them. Claude Code reads all of these.

const body = '---\n# Title\n\nThe first paragraph,\nin two lines.\n\nThe second.\n';
const read = (fields: string, folder = 'own') => {
  const { skill, problems, unread } = parseSkill(`---\n${fields}\n${body}`, folder);
  return { name: skill?.name, description: skill?.description, problems, unread };
};
const good = (name: string, description: string) => ({ name, description, problems: [], unread: [] });
const long = `Use when: ${'x'.repeat(2_000)}`;

test.each<[string, string, string, string]>([
  ['a colon', 'description: Use when: a test fails', 'own', 'Use when: a test fails'],
  ['a colon at its end', 'description: Triggers:', 'own', 'Triggers:'],
  ['brackets', 'description: [beta] Reads files', 'own', '[beta] Reads files'],
  ['braces', 'description: {{name}} is required: yes', 'own', '{{name}} is required: yes'],
  ['a quotation mark inside', 'description: "Quick" checks of a page', 'own', '"Quick" checks of a page'],
  ['an apostrophe at its beginning', "description: 'til it is done: go on", 'own', "'til it is done: go on"],
  ['an asterisk', 'description: *.py files', 'own', '*.py files'],
  ['an ampersand', 'description: & more', 'own', '& more'],
  ['an exclamation mark', 'description: !important rules', 'own', '!important rules'],
  ['an at sign', 'description: @mentions of people', 'own', '@mentions of people'],
  ['a backtick', 'description: `npm` scripts', 'own', '`npm` scripts'],
  ['a percent sign', 'description: %-encoded names', 'own', '%-encoded names'],
  ['a hash', 'description: "C # and F #"', 'own', 'C # and F #'],
  ['a number', 'description: 2024', 'own', '2024'],
  ['a word of YAML', 'description: yes', 'own', 'yes'],
  ['a truth', 'description: true', 'own', 'true'],
  ['lines that go on', 'description: One\n  two: three\n  four', 'own', 'One two: three four'],
  ['a folded block', 'description: >-\n  One\n  two: three', 'own', 'One two: three'],
  ['a block of lines', 'description: |\n  One\n  two', 'own', 'One\ntwo'],
  ['a tab behind the colon', 'description:\tTabs', 'own', 'Tabs'],
  ['tabs as indentation', 'description: Tabs\nmetadata:\n\tauthor: x\n\ttags:\n\t\t- y', 'own', 'Tabs'],
  ['2,000 characters', `description: ${long}`, 'own', long.slice(0, 1_024)],
  ['no description', 'name: own', 'own', 'The first paragraph, in two lines.'],
  ['an empty description', 'description:', 'own', 'The first paragraph, in two lines.'],
  ['a null', 'description: ~', 'own', 'The first paragraph, in two lines.'],
  ['a name of another folder', 'name: other\ndescription: a', 'other', 'a'],
  ['a name with capitals and blanks', 'name: Auditing Access Control\ndescription: a', 'own', 'a'],
  ['a number as its name', 'name: 123\ndescription: a', '123', 'a'],
  ['a hint with brackets', 'argument-hint: [file] [--all]\ndescription: a', 'own', 'a'],
  ['a hint with a bar', 'argument-hint: [analyze|srs|all] <path> [--output <path>]\ndescription: a', 'own', 'a'],
  ['a hint in quotes', 'argument-hint: "[URL or path, e.g. /x]"\ndescription: a', 'own', 'a'],
  ['tools with a colon', 'allowed-tools: Bash(git:*), Read, Edit\ndescription: a', 'own', 'a'],
  [
    'fields of Claude Code',
    'disable-model-invocation: true\narguments: [version]\neffort: xhigh\ndescription: a',
    'own',
    'a',
  ],
  ['a comment', '# about\ndescription: a # b', 'own', 'a'],
  ['empty lines', '\n\ndescription: a\n\n', 'own', 'a'],
  ['a field twice', 'description: a\ndescription: b', 'own', 'b'],
])('with %s', (_, fields, name, description) => expect(read(fields)).toEqual(good(name, description)));

test.each<[string, (text: string) => string]>([
  ['CRLF', (text) => text.replaceAll('\n', '\r\n')],
  ['CR', (text) => text.replaceAll('\n', '\r')],
  ['a byte-order mark', (text) => `\ufeff${text}`],
  ['empty lines before it', (text) => `\n\n${text}`],
  ['blanks behind its marks', (text) => text.replaceAll('---\n', '---  \n')],
  ['nothing behind its fields', (text) => text.slice(0, text.lastIndexOf('---') + 3)],
])('a file with %s', (_, form) => {
  const fields =
    'name: own\ndescription: Use when: a\nallowed-tools: Bash(git add:*) Read\nargument-hint: [file] [--all]';
  const text = `---\n${fields}\n${body}`;
  expect(parseSkill(form(text), 'own')).toMatchObject({
    problems: [],
    skill: {
      ...{ name: 'own', description: 'Use when: a', allowedTools: ['Bash(git add:*)', 'Read'] },
      argumentHint: '[file] [--all]',
    },
  });
});

test('a file without fields is its first paragraph, under the name of its folder', () =>
  expect(parseSkill('# Title\n\nDo it.\n', 'own').skill).toMatchObject({ name: 'own', description: 'Do it.' }));

/** Claude Code reads fields that are no YAML again, with each value in quotes. */
function readStrictly(fields: string): { name?: string; description?: string } {
  try {
    return parse(fields) ?? {};
  } catch {
    return parse(
      fields.replace(/^([\w-]+): *([^\s"'].*)$/gm, (_, field, value) => `${field}: ${JSON.stringify(value)}`),
    );
  }
}
test.each(publicInputs<{ source: string; path: string; text: string }>('skills.jsonl'))(
  '$source: $path',
  ({ path, text }) => {
    const folder = path.split('/').at(-2) ?? '';
    const { skill, problems, unread } = parseSkill(text, folder);
    expect([problems, unread]).toEqual([[], []]);
    const [, fields = '', body = text] = /^---\n(.*?)\n---\n(.*)$/s.exec(text) ?? [];
    const { name = folder, description } = readStrictly(fields);
    const paragraph = body.split('\n\n').find((part) => part.trim() !== '' && !/^\s*#/.test(part)) ?? '';
    expect(skill).toMatchObject({ name, description: description?.trim() ?? joinLines(paragraph), body });
  },
);

test('what cannot be read is left out, and is reported once in a run', async () => {
  const texts: Readonly<Record<string, string>> = {
    good: 'description: a\nargument-hint: [file]',
    tools: 'description: b\nallowed-tools: - Read\n- Write',
    aliases: 'description: c\nhooks: &a [1]\nmetadata: {b: *a}',
    open: 'description: d',
    list: 'description: e\nlicense: x\ncompatibility: y\nmetadata: [1]',
  };
  const client = {
    listFiles: async (path: string) =>
      path === '.claude/skills' ? Object.keys(texts).map((name) => ({ name, type: 'directory' })) : [],
    readFile: async (path: string) => {
      const [, name = ''] = /skills\/(\w+)\//.exec(path) ?? [];
      return Buffer.from(`---\n${texts[name]}\n${name === 'open' ? '' : body}`);
    },
  } as unknown as Parameters<typeof findWorkspaceSkills>[0];
  const { signal } = new AbortController();
  const { skills, unread } = await findWorkspaceSkills(client, [], signal);
  expect(skills.map(({ name, argumentHint }) => argumentHint ?? name)).toEqual(['[file]', 'tools', 'aliases', 'list']);
  expect(unread.map((line) => line.slice('.claude/skills/'.length, 60))).toEqual([
    expect.stringContaining('tools/SKILL.md: allowed-tools cannot be read'),
    expect.stringContaining('aliases/SKILL.md: metadata has the wrong type'),
    expect.stringContaining('open/SKILL.md: The line --- that ends'),
    expect.stringContaining('list/SKILL.md: metadata has the wrong type'),
  ]);
  const found = new WorkspaceSkillFinder();
  const run = {};
  const clock = { setTimeout: () => 0, clearTimeout: () => {}, now: () => 0 } as never;
  await found.of(run, { client, clock }, signal);
  expect(found.takeUnread(run)).toMatch(/^Skills of the workspace cannot be read as they are\. .*allowed-tools/);
  expect(found.takeUnread(run)).toBeUndefined();
});
