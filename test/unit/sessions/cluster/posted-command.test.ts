import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { parsePosted } from '../../../../src/sessions/cluster/posted-command.ts';

const send = {
  type: 'cmd.send',
  commandId: 'c',
  mode: 'inject',
  text: 'Hi',
  attachments: [],
  messageId: randomUUID(),
  runId: randomUUID(),
};

test.each([
  ['command', send],
  ['command', { type: 'cmd.stop', commandId: 'c' }],
  ['command', { type: 'cmd.decide', commandId: 'c', callId: 'x', decision: 'approved', by: 'ann' }],
  ['change', { title: 'New', favorite: true }],
  ['note', { type: 'desktop', data: { kind: 'taken' } }],
  ['use', null],
])('a %s of another server is read as it was written: %j', (name, body) => {
  const stored = JSON.parse(JSON.stringify({ name, body }));
  expect(JSON.parse(JSON.stringify(parsePosted(stored)))).toEqual(stored);
});

test('a change has no fields that were not posted, defaults neither', () =>
  expect(parsePosted({ name: 'change', body: { title: 'New' } }).body).toEqual({ title: 'New' }));

test.each([
  ['an unknown name', 'dance', {}],
  ['an unknown command', 'command', { type: 'cmd.dance', commandId: 'c' }],
  ['a message without its text', 'command', { ...send, text: undefined }],
  ['a change of the wrong type', 'change', { title: 7 }],
  ['a fact that no sandbox tells', 'note', { type: 'run.end', data: {} }],
])('%s is refused', (_, name, body) => expect(() => parsePosted({ name, body })).toThrow('Run one version of Corral'));
