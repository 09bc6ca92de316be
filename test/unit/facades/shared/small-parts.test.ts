import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { AppError, errorCodes } from '../../../../src/core/errors/errors.ts';
import { type ResumeKey, ResumePoints } from '../../../../src/facades/shared/conversation/resume-points.ts';
import {
  detailErrorStyle,
  envelopeErrorStyle,
  findErrorStyle,
  InvalidRequestError,
} from '../../../../src/http/errors/error-style.ts';
import { toPublicMessage, wireErrors } from '../../../../src/http/errors/wire-errors.ts';
import { createRateLimiter } from '../../../../src/http/guard/rate-limit.ts';
import { validatorCompiler } from '../../../../src/http/routes/app.ts';
import { formatAttachmentHeader } from '../../../../src/http/transport/content-disposition.ts';
import { parseCursor, parseLatestCursor } from '../../../../src/http/transport/cursor.ts';
import { parseJsonBody } from '../../../../src/http/transport/json-body.ts';
import { manualClock } from '../../../support/machines/manual-clock.ts';

describe('JSON bodies', () => {
  test('whatever is JSON and not too deep is parsed as JSON.parse does', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 20 }), fc.constantFrom(undefined, 1), (value, indent) => {
        const text = JSON.stringify(value, undefined, indent);
        expect(parseJsonBody(Buffer.from(text))).toEqual(JSON.parse(text));
      }),
    );
  });

  test('brackets within strings do not count as depth', () => {
    const value = { a: '['.repeat(100), 'b\\': '\\"[{', c: '\\'.repeat(7) };
    expect(parseJsonBody(Buffer.from(JSON.stringify(value)))).toEqual(value);
  });

  test('F097 64 levels are accepted and 65 are not', () => {
    const nested = (depth: number) => Buffer.from('['.repeat(depth) + ']'.repeat(depth));
    expect(parseJsonBody(nested(64))).toBeDefined();
    expect(() => parseJsonBody(nested(65))).toThrow('deeper than 64');
  });

  test('an empty body is no body', () => expect(parseJsonBody(Buffer.alloc(0))).toBeUndefined());

  test.each(['"', '"\\', '{"a', '{"a\\"', 'nul', '[1,]'])('%j is not JSON', (text) =>
    expect(() => parseJsonBody(Buffer.from(text))).toThrow('not valid JSON'),
  );
});

describe('cursors', () => {
  test.each([
    [undefined, undefined],
    [null, undefined],
    ['', undefined],
    ['0', 0],
    ['42', 42],
    ['9007199254740991', 9007199254740991],
  ])('%j is %j', (input, cursor) => expect(parseCursor(input)).toBe(cursor));

  test.each([42, '00', '+1', '-0', ' 1', '1\n', '12345678901234567', ['1']])('F088 %j is no cursor', (input) =>
    expect(() => parseCursor(input)).toThrow(AppError),
  );

  test('the later one counts', () => {
    expect([parseLatestCursor('7', '12'), parseLatestCursor('12', null), parseLatestCursor(undefined, '')]).toEqual([
      12,
      12,
      undefined,
    ]);
  });
});

setFlagsFromString('--expose-gc');
const gc: () => void = runInNewContext('gc');

describe('rate limits', () => {
  test('F104 ten thousand callers are counted one by one, further ones together', () => {
    const limiter = createRateLimiter(2, manualClock());
    for (let n = 0; n < 10_000; n++) expect(limiter.take(`caller ${n}`).exceeded).toBe(false);
    expect(limiter.take('caller 0')).toMatchObject({ remaining: 0, exceeded: false });
    expect([limiter.take('caller 0').exceeded, limiter.take('newcomer 1').exceeded]).toEqual([true, false]);
    expect([limiter.take('newcomer 2').exceeded, limiter.take('newcomer 3').exceeded]).toEqual([false, true]);
  });

  test('F104 however many callers come, what is remembered of them is bounded', () => {
    const limiter = createRateLimiter(2, manualClock());
    const flood = (from: number, count: number) => {
      for (let n = from; n < from + count; n++) limiter.take(`a caller with quite a long name, number ${n}`);
      gc();
      return process.memoryUsage().heapUsed;
    };
    // bytes per name; the name alone has forty
    expect((flood(10_000, 200_000) - flood(0, 10_000)) / 200_000).toBeLessThan(16);
  });
});

describe('errors', () => {
  test.each(errorCodes)('%s has a status, and says nothing of itself where it is a bug', (code) => {
    const error = new AppError(code, 'What happened.');
    const { http } = wireErrors[code];
    expect(http).toBeGreaterThanOrEqual(400);
    expect(toPublicMessage(error)).toBe(http === 500 ? 'Internal server error' : 'What happened.');
    expect(envelopeErrorStyle.status(error)).toBe(http);
  });

  test('a prefix ends where its path segment ends', () => {
    const styles = new Map([['/a/b', envelopeErrorStyle]]);
    for (const url of ['/a/b', '/a/b/', '/a/b/c', '/a/b?x=1'])
      expect(findErrorStyle(styles, url), url).toBe(envelopeErrorStyle);
    for (const url of ['/a', '/a/bc', '/a?/a/b', '/']) expect(findErrorStyle(styles, url), url).toBe(detailErrorStyle);
  });

  test('a field that is missing or wrong is named, in both forms', () => {
    const schema = z.object({ task: z.string(), list: z.array(z.int()) });
    const checked = validatorCompiler({ schema, httpPart: 'body' })({ list: [1, 'x'] });
    const error = (checked as { error: InvalidRequestError }).error;
    expect(error).toBeInstanceOf(InvalidRequestError);
    expect(detailErrorStyle.status(error)).toBe(422);
    expect(detailErrorStyle.body(422, error)).toEqual({
      detail: [
        { type: 'missing', loc: ['body', 'task'], msg: 'Field required' },
        { type: 'invalid_type', loc: ['body', 'list', 1], msg: 'Invalid input: expected number, received string' },
      ],
    });
    expect(envelopeErrorStyle.status(error)).toBe(400);
    expect(envelopeErrorStyle.body(400, error)).toEqual({
      code: 400,
      msg: 'task: Field required; list.1: Invalid input: expected number, received string',
      data: null,
    });
  });
});

test.each([
  ['Übersicht.txt', 'filename="_bersicht.txt"; filename*=UTF-8\'\'%C3%9Cbersicht.txt'],
  ["it's (50%).txt", "filename=\"it's (50_).txt\"; filename*=UTF-8''it%27s%20%2850%25%29.txt"],
  ['a "1"\r\nX: y.txt', 'filename="a _1___X_ y.txt"; filename*=UTF-8\'\'a%20_1___X_%20y.txt'],
  ['..\\..\\evil.bat', 'filename=".._.._evil.bat"; filename*=UTF-8\'\'.._.._evil.bat'],
  ['exe\u202egpj.txt', 'filename="exe_gpj.txt"; filename*=UTF-8\'\'exe_gpj.txt'],
  ['../../tmp/evil.sh', 'filename="evil.sh"; filename*=UTF-8\'\'evil.sh'],
  ['..', 'filename="file"; filename*=UTF-8\'\'file'],
  ['con', 'filename="_con"; filename*=UTF-8\'\'_con'],
  ['\ud800', 'filename="_"; filename*=UTF-8\'\'%EF%BF%BD'],
])('F122 %j is saved under a safe name, and cannot leave its header', (name, expected) =>
  expect(formatAttachmentHeader(name)).toBe(`attachment; ${expected}`),
);

const client = (more: Partial<ResumeKey> = {}): ResumeKey => ({ session: 's', caller: '127.0.0.1', ...more });

test('each broken socket is taken up once, by the same client in the same session, within a minute', () => {
  const clock = manualClock(0);
  const rejoins = new ResumePoints(clock);
  rejoins.broke(client(), 4);
  rejoins.broke(client(), 7);
  const others = [client({ session: 't' }), client({ caller: 'key 1' })];
  expect(others.map((one) => rejoins.take(one))).toEqual([undefined, undefined]);
  expect([rejoins.take(client()), rejoins.take(client()), rejoins.take(client())]).toEqual([4, 7, undefined]);
  rejoins.broke(client(), 9);
  clock.advance(60_000);
  expect(rejoins.take(client())).toBeUndefined();
  rejoins.broke(client(), 9);
  rejoins.forget(client());
  expect(rejoins.take(client())).toBeUndefined();
});

test('only so many clients are remembered, and the oldest is forgotten first', () => {
  const rejoins = new ResumePoints(manualClock(0));
  for (let n = 0; n <= 1_000; n++) rejoins.broke(client({ session: `${n}` }), n + 1);
  expect([0, 1, 1_000].map((n) => rejoins.take(client({ session: `${n}` })))).toEqual([undefined, 2, 1_001]);
});
