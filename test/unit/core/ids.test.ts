import { expect, test } from 'vitest';
import { createIdSource, SandboxId, SessionId, sandboxIdOf, sessionIdOf } from '../../../src/core/model/ids.ts';

const id = SessionId.parse('0123456789abcdef');

test('a new session id is one that the schema accepts, and no two are the same', () => {
  const made = Array.from({ length: 100 }, () => createIdSource().sessionId());
  for (const each of made) expect(SessionId.safeParse(each).success).toBe(true);
  expect(new Set(made).size).toBe(100);
});

test("a sandbox's id says whose it is, and back", () => {
  expect(sandboxIdOf(id)).toBe('sbx-0123456789abcdef');
  expect(sessionIdOf(sandboxIdOf(id))).toBe(id);
});

test.each([
  ...['', '.', '..', '0123456789ABCDEF', '0123456789abcde', '0123456789abcdef0', '../../etc/passwd'],
  '0123456789abcdef\n',
])('%j is no session id, so that an id is never a way through the file system', (odd) => {
  expect(SessionId.safeParse(odd).success).toBe(false);
  expect(SandboxId.safeParse(`sbx-${odd}`).success).toBe(false);
});

test('a token holds 256 random bits and travels in a header', () => {
  const [a, b] = [createIdSource().token(), createIdSource().token()];
  expect(a).toMatch(/^[A-Za-z0-9_-]{43}$/);
  expect(a).not.toBe(b);
});
