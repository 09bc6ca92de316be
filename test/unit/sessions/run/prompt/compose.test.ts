import { expect, test } from 'vitest';
import { createToolRegistry } from '../../../../../src/agents/tools/registry.ts';
import { composePrompt, readBuiltInPromptParts } from '../../../../../src/sessions/run/prompt/parts.ts';

const names = new Set(createToolRegistry().declarations.map(({ name }) => name));
const facts: Parameters<typeof composePrompt>[1] = {
  workdir: '/workspace',
  installed: 'Python.',
  network: 'closed.',
  hasToolServers: false,
  plans: false,
  hasTool: (name) => names.has(name),
  hasSandbox: true,
  approvals: [],
};
const system = (more: Partial<typeof facts> = {}) =>
  composePrompt(readBuiltInPromptParts(), { ...facts, ...more }).system;

test('the prompt says where the files are, in the line that the demo model reads', () =>
  expect(system({ workdir: '/srv/ws' })).toMatch(/^Working directory: \/srv\/ws$/m));

test('an agent without a tool that works in the sandbox does not hear about one', () => {
  expect(system({ hasSandbox: false })).not.toMatch(/sandbox|working directory/i);
});

test('the prompt has no part for a missing tool', () => {
  const bare = system({ hasTool: () => false });
  for (const heading of ['Shell', 'Files', 'Browser', 'Screen', 'Web search', 'Tools of others', 'Questions', 'Plan'])
    expect(bare).not.toContain(`# ${heading}`);
  expect(bare).not.toMatch(/shell|browser|message_ask_user|web_search|mcp_/i);
  expect(system()).toContain('# Shell');
  expect(system()).not.toContain('# Web search');
  expect(system({ hasToolServers: true, plans: true })).toMatch(/# Tools of others[\s\S]*# Plan/);
});

test('equal facts make equal bytes, and the notes of a workspace change nothing before them', () => {
  const before = system();
  expect(system()).toBe(before);
  const after = system({ memory: 'Run make test.' });
  expect(after.startsWith(before)).toBe(true);
  expect(after).toContain('<workspace-notes>\nRun make test.\n</workspace-notes>');
});

test('a project’s own instructions come first, and placeholders in them stay as they are', () =>
  expect(system({ instructions: 'Say {{workdir}} and $& twice.' })).toMatch(/^Say \{\{workdir\}\} and \$& twice\.\n/));

test('approvals name only tools that can be called', () => {
  expect(system({ approvals: ['shell_exec', 'nothing', 'mcp_a_b'] })).toContain('before they run: `shell_exec`.');
  expect(system({ approvals: ['nothing'] })).not.toContain('# Approvals');
  expect(system({ approvals: ['*'] })).toContain('before they run: all.');
});

test('the notes of a turn hold the plan and the step', () => {
  const steps = [
    { id: '1', description: 'Look', status: 'completed' },
    { id: '2', description: 'Act', status: 'running' },
  ] as const;
  const { replan, step } = composePrompt(readBuiltInPromptParts(), facts);
  expect(replan(steps)).toContain('1. [completed] Look\n2. [running] Act');
  expect(step(steps, steps[1])).toContain('Work on step 2 now: Act');
});

test('the own prompt leaves room in small windows', () =>
  expect(Buffer.byteLength(system({ plans: true, hasToolServers: true, hasTool: () => true }))).toBeLessThan(8_000));
