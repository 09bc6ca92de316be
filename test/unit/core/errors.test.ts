import { expect, test } from 'vitest';
import { AppError, isRetryable, toAppError } from '../../../src/core/errors/errors.ts';

test('the error code determines whether a retry helps', () => {
  expect(new AppError('sandbox_capacity', 'Full.').retryable).toBe(true);
  expect(new AppError('session_not_found', 'No.').retryable).toBe(false);
  expect(isRetryable('rate_limited')).toBe(true);
});

test('an AppError stays unchanged, and the message of any other error is hidden', () => {
  const ours = new AppError('conflict', 'Taken.');
  expect(toAppError(ours)).toBe(ours);
  const stranger = new Error('password=hunter2 at /srv/secret');
  expect(toAppError(stranger)).toMatchObject({ code: 'internal', cause: stranger });
  expect(`${toAppError(stranger).message} ${toAppError(stranger).publicMessage}`).not.toMatch(/hunter2|srv/);
});

test('a fired signal becomes cancelled, a timeout deadline_exceeded', () => {
  expect(toAppError(new DOMException('x', 'AbortError')).code).toBe('cancelled');
  expect(toAppError(new DOMException('x', 'TimeoutError')).code).toBe('deadline_exceeded');
});

test('a failure that a failed disposal covers keeps its code, and both stay in the cause', () => {
  const first = new AppError('store_unavailable', 'Away.', { retryAfterMs: 5 });
  const covered = new SuppressedError(new Error('later'), new SuppressedError(new Error('late'), first));
  expect(toAppError(covered)).toMatchObject({ code: 'store_unavailable', publicMessage: 'Away.', retryAfterMs: 5 });
  expect(toAppError(covered).cause).toBe(covered);
});

test.each([undefined, null, 'text', 0, {}])('%j thrown is an internal error', (thrown) =>
  expect(toAppError(thrown).code).toBe('internal'),
);
