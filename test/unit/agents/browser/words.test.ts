import { expect, test } from 'vitest';
import { BrowserEventNotes, clipText } from '../../../../src/agents/browser/event-notes.ts';
import { explainBrowserError, explainNetworkFailure } from '../../../../src/agents/browser/explain-error.ts';
import { parseBrowserAddress, toPlaywrightKeys } from '../../../../src/agents/browser/session.ts';
import { AppError } from '../../../../src/core/errors/errors.ts';

test.each([
  ['https://a.example/x', 'https://a.example/x'],
  ['a.example/x', 'https://a.example/x'],
  ['a.example:8080', 'https://a.example:8080/'],
  ['localhost:3000/a', 'http://localhost:3000/a'],
  ['127.0.0.1', 'http://127.0.0.1/'],
  ['about:blank', 'about:blank'],
  ['file:///workspace/a%20b.html', 'file:///workspace/a%20b.html'],
])('%s is opened as %s', (input, url) => expect(parseBrowserAddress(input, '/workspace')).toEqual({ url }));

test.each([
  ...['file:///etc/passwd', 'file:///workspace/../etc', 'file:///workspace2/x', 'ftp://a', 'javascript:1', 'http://'],
])('%s is not opened', (input) => expect(parseBrowserAddress(input, '/workspace')).toHaveProperty('no'));

test.each([
  ['ctrl+a', 'Control+a'],
  ['Return', 'Enter'],
  ['shift+Page_Down', 'Shift+PageDown'],
  ['f5', 'F5'],
  ['+', '+'],
  ['x', 'x'],
])('the key %s is %s', (input, keys) => expect(toPlaywrightKeys(input)).toBe(keys));

test('notes are reported once, and too many are counted', () => {
  const notes = new BrowserEventNotes();
  for (let n = 0; n < 25; n++) notes.add(`note ${n}`);
  expect([notes.take().slice(-2), notes.take()]).toEqual([['note 19', '… and 5 more like these.'], []]);
});

test('a clipped text is one line and holds no half character', () => {
  expect([clipText('a\n b', 10), clipText('abc😀d', 5)]).toEqual(['a b', 'abc…']);
});

test('a lost sandbox is not explained away', () => {
  expect(() => explainBrowserError(new AppError('sandbox_lost', 'gone'), true)).toThrow('gone');
  const expected = { ok: false, reason: 'timed_out' };
  expect(explainBrowserError(new AppError('deadline_exceeded', 'late'), true)).toMatchObject(expected);
  expect(explainBrowserError(new Error('Target closed'), false).text).toContain('The browser ended unexpectedly');
});

test('a network error is explained in words', () => {
  const { text } = explainNetworkFailure('http://a/', 'page.goto: net::ERR_NAME_NOT_RESOLVED at http://a/') ?? {};
  expect(text).toBe('http://a/ cannot be opened: the host name cannot be resolved (ERR_NAME_NOT_RESOLVED).');
  expect(explainNetworkFailure('http://a/', 'something else')).toBeUndefined();
});
