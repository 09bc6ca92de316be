import { describe, expect, test } from 'vitest';
import { toolDescriptions } from '../../../../src/agents/tools/list.ts';
import {
  createToolRegistry,
  findOrderKey,
  resumeToolCall,
  runTool,
  withoutDesktopTools,
  withoutSkillTools,
} from '../../../../src/agents/tools/registry.ts';
import { allowsTool, findAllowedGroups, type ToolRules } from '../../../../src/agents/tools/selection.ts';
import { toolGroups } from '../../../../src/agents/tools/tool.ts';
import { createWebSearchTool } from '../../../../src/agents/tools/web/search.ts';
import { findToolFamily, toFacadeCall, toolLabels } from '../../../../src/agents/tools/words.ts';
import { AppError } from '../../../../src/core/errors/errors.ts';
import { toolBench } from '../../../support/agents/tools.ts';

const registry = createToolRegistry();
const { context } = toolBench();
const run = (name: string, args: unknown, more = {}) => runTool(registry, context(more), { name, args });

test('a registry of some tools neither declares nor finds the other tools', () => {
  const some = createToolRegistry(['file_read']);
  expect([some.declarations.map(({ name }) => name), some.find('shell_exec')]).toEqual([['file_read'], undefined]);
});

test("a registry without a desktop neither declares nor finds the browser's tools", () => {
  const none = withoutDesktopTools(createToolRegistry(undefined, 'claude'), '');
  const names = none.declarations.map(({ name }) => name);
  expect(names.filter((name) => findToolFamily(name) === 'browser')).toEqual([]);
  expect(names).toEqual(expect.arrayContaining(['shell_exec', 'message_ask_user']));
  expect(none.find('computer')).toBeUndefined();
});

test.each([
  ['off', []],
  ['claude', ['computer']],
  ['gemini', ['open_web_browser', 'navigate', 'wait_5_seconds', 'go_back', 'go_forward', 'click_at', 'hover_at']],
] as const)('the shape %s decides which tools use keyboard and mouse', (shape, names) => {
  const offered = createToolRegistry(undefined, shape).declarations.map(({ name }) => name);
  expect(offered).toEqual(expect.arrayContaining([...names]));
  expect(offered.includes('computer')).toBe(shape === 'claude');
});

test.each([
  ['shell_exec', 'shell'],
  ['computer', 'browser'],
  ['click_at', 'browser'],
  ['browser_view', 'browser'],
  ['message_ask_user', 'message'],
  ['info_search_web', 'search'],
  ['file_guess', 'file'],
  ['rm', 'mcp'],
  ['mcp_shell_exec', 'mcp'],
])('%s belongs to the family %s', (name, family) => expect(findToolFamily(name)).toBe(family));

test('every tool has a name of its own and a label for people', () => {
  const names = toolLabels.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  expect(names.filter((name) => !/^[a-z][a-z0-9_]*$/.test(name) || name.startsWith('mcp_'))).toEqual([]);
  expect(toolLabels.filter(({ label }) => label.trim() === '')).toEqual([]);
});

test('a facade without a name for a tool shows the tool as it is', () => {
  const call = { name: 'mcp_docs_find', args: { file: '/w/a' } };
  expect(toFacadeCall('opencodex', call, () => 'changed')).toEqual(call);
});

test.each([
  ['shell_exec', { id: 'a' }, 'shell_view', { id: 'a' }, true],
  ['shell_exec', { id: 'a' }, 'shell_exec', { id: 'b' }, false],
  ['shell_exec', '{"id":"a"}', 'shell_exec', { id: 'a' }, true],
  ['file_write', { file: '/workspace/a.txt' }, 'file_read', { file: 'a.txt' }, true],
  ['file_write', { file: 'a.txt' }, 'file_write', { file: 'b.txt' }, false],
  ['browser_click', {}, 'browser_view', {}, true],
  ['message_ask_user', { text: 'a' }, 'message_ask_user', { text: 'b' }, true],
  ['message_ask_user', {}, 'message_notify_user', {}, false],
])('%s %j and %s %j run in order: %s', (one, args, other, others, inOrder) => {
  const keys = [findOrderKey(registry, { name: one, args }), findOrderKey(registry, { name: other, args: others })];
  expect(keys[0] === keys[1]).toBe(inOrder);
});

test.each([
  ['file_find_by_name', { path: '.', glob: '*' }],
  ['unknown', 'not JSON'],
])('%s %j can run next to every other call', (name, args) => expect(findOrderKey(registry, { name, args })).toBeNull());

describe('F080 a call that makes no sense is answered, so that the model can do better:', () => {
  test.each<[string, unknown, string, RegExp]>([
    ['file_read', '{"file": "a', 'bad_arguments', /./],
    ['file_read', { file: 'a.txt', start_line: 'ten' }, 'bad_arguments', /start_line/],
    ...[null, undefined, 7, []].map((args): [string, unknown, string, RegExp] => [
      'file_read',
      args,
      'bad_arguments',
      /./,
    ]),
    ['rm_rf', {}, 'not_found', /no tool "rm_rf" here\.\n.*shell_exec/],
    ['file_read', { file: '/etc/passwd' }, 'refused', /./],
    ['file_read', { file: 'missing.txt' }, 'not_found', /./],
  ])('%s with %j', async (name, args, reason, output) =>
    expect(await run(name, args)).toMatchObject({ ok: false, reason, output: expect.stringMatching(output) }),
  );

  test('a browser in a sandbox without a desktop', async () => {
    const call = { name: 'browser_navigate', args: { url: 'x' } };
    const some = withoutDesktopTools(registry, 'A person can add one.');
    for (const left of [some, withoutSkillTools(some)])
      expect((await runTool(left, context({}), call)).output).toMatch(
        /^This sandbox has no desktop.*cannot be used\. A person can add one\.\nThe tools are: shell_exec/,
      );
  });
});

test('a lost sandbox is not the model’s affair: it is thrown', async () => {
  const lost = new AppError('sandbox_lost', 'The sandbox is gone.');
  const sandbox = { ...toolBench().sandbox, readFile: () => Promise.reject(lost) };
  await expect(run('file_read', { file: 'a.txt' }, { sandbox })).rejects.toBe(lost);
});

test('a call that nobody can continue with was interrupted, and is not run again', async () => {
  const { sandbox, context: inBench } = toolBench();
  const call = { name: 'file_write', args: { file: 'a.txt', content: 'x' } };
  expect(await resumeToolCall(registry, inBench(), call)).toMatchObject({ ok: false, reason: 'interrupted' });
  expect(sandbox.files.size).toBe(0);
});

test('a search of the web exists only where a search engine is set up', () => {
  const engine = { name: 'fake', search: async () => [] };
  expect(createToolRegistry().find('web_search')).toBeUndefined();
  expect(JSON.stringify(createToolRegistry().declarations)).not.toContain('web_search');
  expect(createToolRegistry(['web_search'], 'off', [createWebSearchTool(engine)]).find('web_search')).toBeDefined();
});

test('an agent without skills is offered no tool that reads them', () => {
  const names = withoutSkillTools(createToolRegistry()).declarations.map(({ name }) => name);
  expect(names).toContain('file_read');
  expect(names).not.toContain('skill_read');
});

const namesWith = (rules: ToolRules) =>
  toolDescriptions.filter((tool) => allowsTool(rules, tool)).map(({ name }) => name);

test('without rules an agent has every tool, of every group', () => {
  expect(namesWith({})).toEqual(toolDescriptions.map(({ name }) => name));
  expect(findAllowedGroups({})).toEqual([...toolGroups]);
});

test('groups bring their tools, next to those that no project can turn off', () => {
  expect(namesWith({ allow: ['file_read', 'search'] })).toEqual([
    ...['file_read', 'file_find_in_content', 'file_find_by_name', 'skill_read', 'memory_list', 'memory_read'],
    ...['memory_write', 'memory_delete', 'delegate', 'delegate_check', 'delegate_send', 'delegate_stop'],
    ...['delegate_take', 'message_notify_user', 'todo', 'web_search', 'web_fetch', 'message_ask_user', 'recall'],
  ]);
  expect(findAllowedGroups({ allow: ['file_read', 'search'] })).toEqual(['file_read', 'search']);
});

test('names and globs choose single tools', () => {
  const names = namesWith({ allow: ['shell_exec', 'browser_*'] });
  expect(names).toEqual(expect.arrayContaining(['shell_exec', 'browser_view', 'todo']));
  expect(names).not.toContain('shell_view');
  expect(findAllowedGroups({ allow: ['shell_exec'] })).toEqual(['bash']);
});

test('deny wins over allow, also for tools that no project can turn off and those of tool servers', () => {
  const names = namesWith({ allow: ['bash'], deny: ['shell_kill_process', 'todo'] });
  expect(names).toContain('shell_exec');
  expect(names).not.toContain('shell_kill_process');
  expect(names).not.toContain('todo');
  const read = { name: 'mcp_docs_read', group: 'always' } as const;
  expect([allowsTool({ allow: ['bash'] }, read), allowsTool({ deny: ['mcp_docs_*'] }, read)]).toEqual([true, false]);
});

test('an empty list of allowed tools leaves only those that no project can turn off', () => {
  const always = toolDescriptions.filter(({ group }) => group === 'always').map(({ name }) => name);
  expect(namesWith({ allow: [] })).toEqual(always);
});
