import { expect, test } from 'vitest';
import { renderer } from '../../../src/cli/render.ts';
import type { Event } from '../../../src/client/index.ts';
import { lineOf } from '../../../src/core/model/event-traits.ts';
import { textIo } from '../../support/text-io.ts';

const event = (type: Event['type'], data: object) =>
  ({ seq: 1, sessionId: 's', ts: 0, type, runId: 'r', data }) as unknown as Event;

test('a call that keeps the plan is shown by the plan alone, unless it fails', () => {
  const { io, shown } = textIo();
  const { show } = renderer(io, { quiet: false });
  const call = { callId: 'c', tool: 'message', function: 'todo', args: { steps: [] } };
  show(event('tool.calling', call));
  show(event('tool.called', { ...call, success: true, output: 'Noted. No step is left.', content: null }));
  expect(shown()).toBe('');
  show(event('tool.called', { ...call, success: false, output: 'Only one step can be running.', content: null }));
  expect(shown()).toContain('Only one step can be running.');
});

test.each([
  ['session.created', { origin: 'trpc', template: 'default' }, 'by trpc, from the template default'],
  ['egress', { host: 'a.test', port: 443, decision: 'refused', rule: 'none' }, 'refused a.test:443 (none)'],
  ['usage', { model: 'm', inputTokens: 8, outputTokens: 14, cost: 0.5 }, 'm: 8 tokens in, 14 out, 0.5000'],
  ['run.end', { status: 'completed', reason: 'completed', task: 't' }, 'completed'],
  ['run.end', { status: 'stopped', reason: 'superseded', task: 't' }, 'stopped: superseded'],
  ['approval.resolved', { callId: 'c', decision: 'rejected', by: 'ann', text: 'not now' }, 'rejected by ann: not now'],
  ['title', { title: 'Words' }, 'Words'],
] as const)('%s is told in words', (type, data, told) => expect(lineOf(event(type, data))).toBe(told));

test('an event of a newer server is a line without words, and no JSON', () =>
  expect(lineOf(event('later' as Event['type'], { a: 1 }))).toBe(''));
