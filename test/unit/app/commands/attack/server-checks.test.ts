import { describe, expect, test } from 'vitest';
import {
  evaluateServerProbes,
  type ProbeName,
  type ProbeResponse,
  type ProbeResponses,
  serverChecks,
} from '../../../../../src/app/commands/attack/attack.ts';

const answer = (status: number, text = '', headers: ProbeResponse['headers'] = {}): ProbeResponse => ({
  status,
  text,
  headers,
});
const file = answer(404, 'no such file');
const closed: ProbeResponses = {
  'without a token': answer(401),
  'with a wrong token': answer(401),
  'its health without a token': answer(401),
  'its metrics without a token': answer(401),
  'under another Host': answer(403),
  'under another Host, without a token': answer(403),
  'a change from another site': answer(403),
  'a list from another site': answer(200),
  'a socket from another site': answer(403),
  'the forwarder of a sandbox': answer(403),
  'a file by its path': answer(400),
  'a file above the workspace': answer(400),
  'a file behind a link': file,
};
const about = { hasToken: true, isLoopback: true, secret: 'the-secret' };
const wrong = (more: Partial<ProbeResponses>, who: Partial<typeof about> = {}) =>
  evaluateServerProbes({ ...closed, ...more }, { ...about, ...who })
    .filter(({ state }) => state !== 'ok')
    .map(({ check, state }) => [check, state]);

test('a closed server is ok in every check', () => expect(wrong({})).toEqual([]));

describe('each open door is found by its check', () => {
  const cases: readonly [check: string, state: string, question: ProbeName, answer: ProbeResponse][] = [
    ['server-needs-a-token', 'broken', 'without a token', answer(200)],
    ['server-needs-a-token', 'broken', 'with a wrong token', answer(200)],
    ['server-needs-a-token', 'broken', 'its metrics without a token', answer(200)],
    ['server-checks-the-host', 'broken', 'under another Host, without a token', answer(200)],
    ['server-checks-the-host', 'weak', 'under another Host', answer(200)],
    ['server-checks-the-origin', 'broken', 'a change from another site', answer(404)],
    ['server-checks-the-origin', 'broken', 'a socket from another site', answer(101)],
    [
      'server-shares-no-answers',
      'weak',
      'a list from another site',
      answer(200, '', { 'access-control-allow-origin': '*' }),
    ],
    [
      ...(['server-shares-no-answers', 'broken', 'a list from another site'] as const),
      answer(200, '', { 'access-control-allow-origin': 'http://evil.example' }),
    ],
    ['server-keeps-to-the-workspace', 'broken', 'a file behind a link', answer(200, 'has the-secret')],
    ['server-keeps-to-the-workspace', 'broken', 'a file above the workspace', answer(200, 'the-secret')],
    ['server-closes-the-forwarder', 'broken', 'the forwarder of a sandbox', answer(400, 'this is a proxy and …')],
  ];
  test.each(cases)('%s is %s when it answers %s', (check, state, question, its) =>
    expect(wrong({ [question]: its })).toEqual([[check, state]]),
  );
  test('every check has one', () =>
    expect([...new Set(cases.map(([check]) => check))].sort()).toEqual(serverChecks.map(({ name }) => name).sort()));
});

test('a server without a token is weak on loopback, and broken elsewhere', () => {
  const open = { 'without a token': answer(200) };
  expect(wrong(open, { hasToken: false })).toEqual([['server-needs-a-token', 'weak']]);
  expect(wrong(open, { hasToken: false, isLoopback: false })).toEqual([['server-needs-a-token', 'broken']]);
});
