import { expect, test } from 'vitest';
import { describedTools } from '../../../../src/agents/tools/list.ts';
import { allows, findAllowedGroups, type ToolRules } from '../../../../src/agents/tools/selection.ts';
import { toolGroups } from '../../../../src/agents/tools/tool.ts';

const namesWith = (rules: ToolRules) => describedTools.filter((tool) => allows(rules, tool)).map(({ name }) => name);

test('without rules an agent has every tool, of every group', () => {
  expect(namesWith({})).toEqual(describedTools.map(({ name }) => name));
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
  expect([allows({ allow: ['bash'] }, read), allows({ deny: ['mcp_docs_*'] }, read)]).toEqual([true, false]);
});

test('an empty list of allowed tools leaves only those that no project can turn off', () => {
  const always = describedTools.filter(({ group }) => group === 'always').map(({ name }) => name);
  expect(namesWith({ allow: [] })).toEqual(always);
});
