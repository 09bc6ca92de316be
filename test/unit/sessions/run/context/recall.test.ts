import { expect, test } from 'vitest';
import type { Message } from '../../../../../src/agents/models/model.ts';
import { recallMessages } from '../../../../../src/sessions/run/context/recall.ts';

const result = (callId: string, output: string): Message => ({
  role: 'tool',
  callId,
  name: 'shell_exec',
  output,
  success: true,
});
const messages: Message[] = [
  { role: 'user', text: 'Never touch the folder old.' },
  result('c1', 'x'.repeat(10_000)),
  result('c2', 'The port is 4711.'),
];

test('a result is read by its call, in parts when it is long', () => {
  const { output } = recallMessages(messages, { call_id: 'c1' });
  expect(output).toMatch(/x{8000}\n\[2000 more characters: recall with from 8000\]$/);
  expect(recallMessages(messages, { call_id: 'c1', from: 8_000 })).toEqual({ ok: true, output: 'x'.repeat(2_000) });
});

test('a search finds every entry that contains the text, of any author', () => {
  expect(recallMessages(messages, { query: 'PORT' }).output).toBe(
    '[result of shell_exec, call_id c2]\nThe port is 4711.',
  );
  expect(recallMessages(messages, { query: 'folder old' }).output).toMatch(/^\[user\]/);
});

test.each([
  [{}, 'bad_arguments'],
  [{ call_id: 'c1', query: 'x' }, 'bad_arguments'],
  [7, 'bad_arguments'],
  [{ call_id: 'c9' }, 'not_found'],
  [{ query: 'nowhere' }, 'not_found'],
])('%j is refused as %s', (args, reason) =>
  expect(recallMessages(messages, args)).toMatchObject({ ok: false, reason }),
);
