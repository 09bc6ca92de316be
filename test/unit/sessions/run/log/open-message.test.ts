import { describe, expect, test } from 'vitest';
import type { SessionFact } from '../../../../../src/core/model/events.ts';
import { OpenMessage } from '../../../../../src/sessions/run/log/session-writer.ts';
import { asks, assistantMessage, fact, messageId, says } from '../../../../support/machines/session-parts.ts';

const usage = fact('usage', { model: 'demo', inputTokens: 1, outputTokens: 1 });
const output = fact('tool.output', { callId: 'c', text: 'x' });
const step = fact('step', { id: '1', description: 'x', status: 'running' });
const types = (facts: readonly SessionFact[]) => facts.map(({ type }) => type);

describe('an open message', () => {
  test('lets everything pass while there is none', () =>
    expect(new OpenMessage().arrange([usage, step, output])).toEqual([usage, step, output]));

  test('is closed by its full message, and the waiting facts follow', () => {
    const open = new OpenMessage();
    expect([open.arrange([says('a')]), open.arrange([usage, output])]).toEqual([[says('a')], []]);
    expect(open.arrange([says('b')])).toEqual([says('b')]);
    expect(open.arrange([assistantMessage('ab')])).toEqual([assistantMessage('ab'), usage, output]);
    expect(open.id).toBeUndefined();
  });

  test.each([
    ['a step', step],
    ['another message', assistantMessage('x', messageId(2))],
  ] as const)('is completed with the text so far before %s', (_, next) => {
    const open = new OpenMessage();
    open.arrange([says('so '), says('far'), usage]);
    expect(open.arrange([next])).toEqual([assistantMessage('so far'), usage, next]);
  });

  test.each([
    ['a message', asks('wait!')],
    ['a title', fact('title', { title: 'New' }, null)],
    ['a change', fact('session.updated', { title: 'New' }, null)],
  ] as const)('continues behind %s that a client sends in the meantime', (_, sent) => {
    const open = new OpenMessage();
    open.arrange([says('so ')]);
    expect(open.arrange([sent, usage])).toEqual([sent]);
    const expected = [says('far'), assistantMessage('so far'), usage];
    expect(open.arrange([says('far'), assistantMessage('so far')])).toEqual(expected);
  });

  test('is completed before the first delta of another one', () => {
    const open = new OpenMessage();
    open.arrange([says('one')]);
    const other = says('two', messageId(2));
    expect(open.arrange([other])).toEqual([assistantMessage('one'), other]);
    expect(open.id).toBe(messageId(2));
  });

  test('can be closed by hand, once', () => {
    const open = new OpenMessage();
    open.arrange([says('text'), usage]);
    expect([types(open.close()), open.close()]).toEqual([['message.assistant', 'usage'], []]);
  });

  test('from an earlier process continues with its text', () => {
    const open = new OpenMessage();
    open.adopt(says('ly'), 'early');
    expect(open.id).toBe(messageId());
    expect([open.arrange([says(' bird')]), open.close()]).toEqual([[says(' bird')], [assistantMessage('early bird')]]);
  });
});
