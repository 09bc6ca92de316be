import { describe, expect, test } from 'vitest';
import { createToolRegistry } from '../../../../../src/agents/tools/registry.ts';
import type { ApprovalRule } from '../../../../../src/core/model/approval-rule.ts';
import { decidePermission, findMatchingRule } from '../../../../../src/sessions/run/calls/approval.ts';

const shell = (command: string) => ({ name: 'shell_exec', args: { command } });
const found = (rules: ApprovalRule[], call: Parameters<typeof findMatchingRule>[1]) =>
  findMatchingRule(rules, call)?.action;
const rule = (action: ApprovalRule['action'], tool: string, pattern?: string): ApprovalRule => ({
  action,
  tool,
  ...(pattern !== undefined && { pattern }),
});

describe('the rule that decides about a call', () => {
  test('the first one that is about the call decides, by globs of names and of what the call is about', () => {
    const rules = [rule('deny', 'file_*', '/etc/*'), rule('allow', 'file_read'), rule('ask', '*')];
    expect(found(rules, { name: 'file_read', args: { file: '/etc/passwd' } })).toBe('deny');
    expect(found(rules, { name: 'file_read', args: { file: 'notes.md' } })).toBe('allow');
    expect(found(rules, { name: 'file_write', args: { file: 'notes.md' } })).toBe('ask');
    expect(found([], shell('ls'))).toBeUndefined();
    const search = { name: 'mcp_docs_find', args: { q: 'secret' } };
    expect(found([rule('deny', 'mcp_docs_*', '*"secret"*')], search)).toBe('deny');
  });

  test.each([
    ...['git status; rm -r .', 'git log | sh', 'git $(rm x)', 'git `rm x`', 'git status\nrm x'],
    'git log > ~/.bashrc',
  ])('a permission of a command covers nothing that is appended to it: %s', (command) =>
    expect(found([rule('allow', 'shell_exec', 'git *')], shell(command))).toBeUndefined(),
  );

  test('a permission covers the command with and without arguments, and operators that its pattern names', () => {
    const rules = [rule('allow', 'shell_exec', 'git *'), rule('allow', 'shell_exec', 'npm test && npm run *')];
    expect([found(rules, shell('git')), found(rules, shell(' git log --oneline '))]).toEqual(['allow', 'allow']);
    expect(found(rules, shell('gitx'))).toBeUndefined();
    expect(found(rules, shell('npm test && npm run build'))).toBe('allow');
    expect(found(rules, shell('npm test && npm run build && rm x'))).toBeUndefined();
  });

  test.each(['git push', 'cd a && git push --force', 'true; git push origin main', '(git push x)', 'x=$(git push y)'])(
    'a denied command is found among others of its line: %s',
    (command) => expect(found([rule('deny', 'shell_exec', 'git push *')], shell(command))).toBe('deny'),
  );

  test('a pattern with many stars ends, however long the text is', () => {
    const pattern = `${'a*'.repeat(200)}b`;
    expect(found([rule('deny', '*', pattern)], { name: 'x', args: { path: 'a'.repeat(1_000_000) } })).toBeUndefined();
  });
});

describe('the permission of a call, with rules', () => {
  const tools = createToolRegistry();
  const work = (...rules: ApprovalRule[]) => ({ tools, approvals: { tools: ['*'], rules, timeoutMs: 1_000 } });
  const call = (command: string) => ({ callId: 'c', name: 'shell_exec', args: { command }, begun: false });

  test('an allowed call does not ask though all tools do, and a denied one is refused with its rule', () => {
    const rules = work(rule('allow', 'shell_exec', 'ls *'), rule('deny', 'shell_exec', 'rm *'));
    expect(decidePermission(rules, call('ls -l'))).toBeUndefined();
    expect(decidePermission(rules, call('rm -r .'))).toEqual({ kind: 'refused', why: expect.stringContaining('rm *') });
    expect(decidePermission(rules, call('make'))).toMatchObject({ kind: 'ask' });
  });

  test('neither the permission of a person nor one for the whole session overrules a denial', () => {
    const rules = work(rule('deny', 'shell_exec'));
    const permitted = { ...call('ls'), verdict: { decision: 'approved' } } as const;
    expect(decidePermission(rules, permitted)).toMatchObject({ kind: 'refused' });
    expect(decidePermission({ ...rules, isPermitted: () => true }, call('ls'))).toMatchObject({ kind: 'refused' });
  });

  test('an agent can always speak to its user', () => {
    const approval = { callId: 'c', name: 'message_ask_user', args: { text: 'May I?' }, begun: false };
    expect(decidePermission(work(rule('deny', '*')), approval)).toBeUndefined();
  });

  test('a call that has begun continues, though a rule denies it in the meantime', () =>
    expect(decidePermission(work(rule('deny', '*')), { ...call('ls'), begun: true })).toBeUndefined());
});
