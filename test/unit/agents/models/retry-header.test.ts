import { channel } from 'node:diagnostics_channel';
import { expect, test } from 'vitest';
import { retryHeader, turnHeader } from '../../../../src/agents/models/gemini/gemini.ts';

const headers = channel('undici:request:headers');
const respond = (turn: string, ...response: string[]) =>
  headers.publish({
    request: { headers: ['accept', '*/*', turnHeader, turn] },
    response: { headers: response.map((text) => Buffer.from(text)) },
  });

test('Retry-After is read from the response to the turn, and from no other', () => {
  using header = retryHeader('mine');
  respond('other', 'Retry-After', '9');
  expect(header.value()).toBeUndefined();
  respond('mine', 'date', 'now', 'Retry-After', '7');
  respond('other');
  expect(header.value()).toBe('7');
});

test('a response without it has none', () => {
  using header = retryHeader('mine');
  respond('mine', 'content-type', 'text/plain');
  expect(header.value()).toBeUndefined();
});

test('the end of the turn removes the listener', () => {
  retryHeader('mine')[Symbol.dispose]();
  expect(headers.hasSubscribers).toBe(false);
});
