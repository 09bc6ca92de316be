import { describe, expect, test } from 'vitest';
import { toolRegistry } from '../../../../../src/agents/tools/registry.ts';
import { mustFollow } from '../../../../../src/sessions/run/calls/tool-calls.ts';

const tools = toolRegistry();

const shell = (id: string, command = 'true') => ({ name: 'shell_exec', args: { id, command } });
const file = (name: string, path: string) => ({ name, args: { file: path } });
const other = { name: 'mcp_docs_search', args: { query: 'a' } };

describe('the later of two calls of one turn', () => {
  test.each([
    ['runs in the same shell', shell('main'), shell('main')],
    ['looks at the shell in which the earlier one runs', { name: 'shell_wait', args: { id: 'main' } }, shell('main')],
    ['writes the file that the earlier one reads', file('file_write', './a.txt'), file('file_read', 'a.txt')],
    ['reads the file that the earlier one changes', file('file_read', 'a.txt'), file('file_str_replace', 'a.txt')],
    ['runs a command after a file was written', shell('main', 'python a.py'), file('file_write', 'a.py')],
    ['reads a file that the command before it names', file('file_read', '/w/out.txt'), shell('x', 'ls > out.txt')],
    ['is a question', { name: 'message_ask_user', args: { text: '?' } }, other],
    ['comes after a question', other, { name: 'message_ask_user', args: { text: '?' } }],
    ['uses the same browser', { name: 'browser_view', args: {} }, { name: 'browser_navigate', args: {} }],
    ['speaks to the user too', { name: 'message_notify_user', args: {} }, { name: 'message_notify_user', args: {} }],
  ])('waits when it %s', (_, later, earlier) => expect(mustFollow(tools, later, earlier)).toBe(true));

  test.each([
    ['runs in another shell', shell('b'), shell('a')],
    ['works on another file', file('file_write', 'b'), file('file_write', 'a')],
    ['runs a command after a file was read', shell('a'), file('file_read', 'a')],
    ['reads a file that no command names', file('file_read', 'b.txt'), shell('a', 'sleep 3')],
    ['has nothing to do with it', other, shell('a')],
    ['makes no sense', { name: 'file_read', args: 7 }, { name: 'file_write', args: null }],
  ])('does not wait when it %s', (_, later, earlier) => expect(mustFollow(tools, later, earlier)).toBe(false));
});
