import { expect, test } from 'vitest';
import { mcpNames } from '../../../../src/agents/mcp/tools.ts';
import { describedTools } from '../../../../src/agents/tools/list.ts';

test('a tool is called mcp_<server>_<tool>', () =>
  expect([...mcpNames('files', ['read_file', 'list-all'])]).toEqual([
    ['mcp_files_read_file', 'read_file'],
    ['mcp_files_list-all', 'list-all'],
  ]));

test('names that providers refuse become ones they take, and stay apart', () => {
  const tools = ['a.b', 'a b', 'a/b', 'x'.repeat(100), `${'x'.repeat(99)}y`, 'ä'];
  const names = mcpNames('s', tools);
  expect([...names.values()].sort()).toEqual([...tools].sort());
  for (const name of names.keys()) expect(name).toMatch(/^mcp_s_[A-Za-z0-9_-]{1,58}$/);
});

test('no Corral tool has a name that a tool server can take', () =>
  expect(describedTools.filter(({ name }) => name.startsWith('mcp_'))).toEqual([]));
