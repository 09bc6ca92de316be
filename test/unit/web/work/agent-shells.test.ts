import { expect, test } from 'vitest';
import { AgentShellTracker } from '../../../../src/web/work/terminal/agent-shells.ts';

type Event = Parameters<AgentShellTracker['take']>[0];
const event = (type: string, data: object) => ({ type, data, seq: 1, ts: 0, runId: null, sessionId: 's' }) as Event;
const calling = (callId: string, id: string, command: string) =>
  event('tool.calling', { callId, tool: 'shell', function: 'shell_exec', args: { id, command } });
const called = (callId: string, more: object = {}) =>
  event('tool.called', { callId, output: '', success: true, ...more });

test('a shell shows its commands with their output as it comes, and says when one runs', () => {
  const shells = new AgentShellTracker();
  expect(shells.take(calling('1', 'main', 'make'))).toBe(true);
  shells.take(event('tool.output', { callId: '1', text: 'first\n' }));
  expect(shells.list()).toEqual([
    { id: 'main', text: expect.stringContaining('make\r\nfirst\n'), running: '1', waits: false },
  ]);
  shells.take(calling('2', 'other', 'ls'));
  shells.take(called('1', { output: 'first\n', exitCode: 2 }));
  const [main, other] = shells.list();
  expect(main?.running).toBeUndefined();
  expect(main?.text.match(/first/g)).toHaveLength(1);
  expect(main?.text).toContain('[exit 2]');
  expect(other).toMatchObject({ id: 'other', running: '2' });
});

test('a log without the pieces of output shows the result in their place', () => {
  const shells = new AgentShellTracker();
  shells.take(calling('1', 'main', 'ls'));
  shells.take(called('1', { output: 'a.txt' }));
  expect(shells.list()[0]?.text).toMatch(/ls\r\na\.txt\r\n$/);
});

test('a command that waits for input runs on behind its call, with what it prints after the answer, until it ends', () => {
  const shells = new AgentShellTracker();
  const console = (output: string, running?: true) => ({
    content: { console: [{ ps1: '$ ', command: 'read x', output }], ...(running && { running }) },
  });
  const view = (callId: string, more: object) =>
    called(callId, { tool: 'shell', function: 'shell_wait', args: { id: 'main' }, ...more });
  shells.take(calling('1', 'main', 'read x'));
  shells.take(event('tool.output', { callId: '1', text: 'Ok? ' }));
  shells.take(called('1', { output: 'Ok? \n[The command is still running …]', ...console('Ok? ', true) }));
  expect(shells.list()[0]).toMatchObject({ running: '1', waits: true, text: expect.stringMatching(/\r\nOk\? $/) });
  shells.show('main', { output: 'Ok? yes\r\n', isRunning: true });
  shells.take(view('2', console('Ok? yes\r\nGood. And? ', true)));
  expect(shells.list()[0]).toMatchObject({ running: '1', waits: true });
  shells.take(view('3', console('Ok? yes\r\nGood. And? no\r\n')));
  const [main] = shells.list();
  expect(main).toMatchObject({ running: undefined, waits: false });
  expect(main?.text.endsWith('\r\nOk? yes\r\nGood. And? no\r\n')).toBe(true);
});

test('calls of other tools are no shell', () => {
  const shells = new AgentShellTracker();
  const other = event('tool.calling', { callId: '1', tool: 'file', function: 'file_read', args: { id: 'x' } });
  expect([shells.take(other), shells.take(event('tool.output', { callId: '1', text: 'x' }))]).toEqual([false, false]);
  expect(shells.list()).toEqual([]);
});
