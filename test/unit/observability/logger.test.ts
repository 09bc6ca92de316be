import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { AppError } from '../../../src/core/errors/errors.ts';
import type { SessionFact } from '../../../src/core/model/events.ts';
import { Secret } from '../../../src/core/text/secret.ts';
import { createLogger } from '../../../src/observability/logger.ts';
import { logForOperator } from '../../../src/observability/operator-log.ts';
import { formatLogLine } from '../../../src/observability/pretty.ts';
import { createScrubber } from '../../../src/observability/scrub.ts';
import { asks, fact, runId, sessionId } from '../../support/machines/session-parts.ts';

function recorded(level = 'info') {
  const lines: string[] = [];
  const scrubber = createScrubber([new Secret('canary-secret-1')]);
  const logger = createLogger({ level, scrubber, destination: { write: (line) => lines.push(line) } });
  return { lines, logger };
}

describe('the logger', () => {
  test('writes one JSON object a line, with the ids it was bound to', () => {
    const { lines, logger } = recorded();
    logger.child({ sessionId: '0123456789abcdef' }).warn({ code: 'sandbox_lost' }, 'the sandbox is gone');
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? '')).toEqual({
      level: 'warn',
      time: expect.stringMatching(/^\d{4}-.*Z$/),
      sessionId: '0123456789abcdef',
      code: 'sandbox_lost',
      msg: 'the sandbox is gone',
    });
  });

  test('only a bug shows its stack: a failure of an operation has its code and its cause', () => {
    const { lines, logger } = recorded();
    const cause = new Error('connect ENOENT');
    logger.warn({ err: new AppError('driver_unavailable', 'The engine does not answer.', { cause }) }, 'away');
    logger.error({ err: new TypeError('x is undefined') }, 'broken');
    const [away, broken] = lines.map((line) => (JSON.parse(line) as { err: Record<string, string> }).err);
    expect(away).toMatchObject({ code: 'driver_unavailable', message: expect.stringContaining('connect ENOENT') });
    expect(away).not.toHaveProperty('stack');
    expect(broken?.stack).toContain('logger.test.ts');
  });

  test('a secret is masked in messages, in fields at any depth and in errors, and the line stays JSON', () => {
    const { lines, logger } = recorded();
    logger.info(
      { a: { b: [{ authorization: 'Bearer whatever', deep: 'xcanary-secret-1x' }] } },
      'shows canary-secret-1',
    );
    logger.error({ err: new Error('refused canary-secret-1', { cause: new Error('canary-secret-1') }) });
    logger.info({ url: '/trpc?token=canary-other' });
    expect(lines.join('')).not.toMatch(/canary|whatever/);
    expect(lines.map((line) => JSON.parse(line).level)).toEqual(['info', 'error', 'info']);
  });

  test('prints nothing below its level', () => {
    const { lines, logger } = recorded('error');
    logger.warn('unheard');
    expect(lines).toEqual([]);
  });

  test('F013 a reader of standard output that went away does not end the process', async () => {
    const program = `
      import { createLogger } from './src/observability/logger.ts';
      import { createScrubber } from './src/observability/scrub.ts';
      const logger = createLogger({ level: 'info', scrubber: createScrubber() });
      logger.info('first');
      process.stdin.once('data', () => {
        for (let n = 0; n < 50; n++) logger.info('nobody reads this');
        setTimeout(() => process.exit(7), 50);
      });`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const exit = once(child, 'exit');
    await once(child.stdout, 'data');
    child.stdout.destroy();
    await once(child.stdout, 'close');
    child.stdin.write('go');
    expect(await exit).toEqual([7, null]);
  });
});

const entry = {
  level: 'warn',
  time: '2026-01-02T03:04:05.678Z',
  session: 'abc',
  detail: 'two words',
  msg: 'it is slow',
};

const err = { type: 'Error', message: 'oh', stack: 'Error: oh\n    at here' };
test.each([
  [
    'the time, the level, the text and the fields',
    entry,
    /^03:04:05 warn {2}it is slow session=abc detail="two words"\n$/,
  ],
  ['the stack of an error, indented', { ...entry, err }, /two words"\n {4}Error: oh\n {8}at here\n$/],
])('a log line for people has %s', (_, line, shown) =>
  expect(formatLogLine(JSON.stringify(line), { colour: false })).toMatch(shown),
);

test('colours are there only on request', () =>
  expect(formatLogLine(JSON.stringify(entry), { colour: true })).toContain('\u001b[33mwarn'));

test('a line that is no JSON stays as it is', () =>
  expect(formatLogLine('plain\n', { colour: false })).toBe('plain\n'));

function logEntries(it: SessionFact, failure?: AppError): [level: string, about: object, text: string][] {
  const lines: [string, object, string][] = [];
  const line = (level: string) => (about: object, text: string) => void lines.push([level, about, text]);
  logForOperator({ info: line('info'), warn: line('warn') }, sessionId, it, failure);
  return lines;
}

test('a lost sandbox is a warning that names its session and why', () => {
  const lost = fact('sandbox.phase', { phase: 'lost', detail: 'exit code 137' }, null);
  expect(logEntries(lost)).toEqual([['warn', { session: sessionId, detail: 'exit code 137' }, 'a sandbox was lost']]);
});

test('a lost sandbox is logged with the cause that no client sees', () => {
  const lost = fact('sandbox.phase', { phase: 'lost', detail: 'It did not start.' }, null);
  const cause = new Error("ENOENT: no such file, chmod '/data/s/sealed'");
  const about = { session: sessionId, detail: 'It did not start.', code: 'sandbox_unavailable', err: cause };
  const failure = new AppError('sandbox_unavailable', 'It did not start.', { cause });
  expect(logEntries(lost, failure)).toEqual([['warn', about, 'a sandbox was lost']]);
  const missing = new AppError('image_missing', 'It did not start.');
  expect(logEntries(lost, missing)).toMatchObject([
    ['warn', { code: 'image_missing', err: missing }, 'a sandbox was lost'],
  ]);
});

test('the end of a run is logged, as a warning where it failed, and never what it was about', () => {
  const ended = fact('run.end', { status: 'completed', reason: 'completed', task: 'private' });
  expect(logEntries(ended)).toEqual([
    ['info', { session: sessionId, run: runId(), reason: 'completed' }, 'a run ended'],
  ]);
  const failed = fact('run.end', { status: 'failed', reason: 'failed', task: 'private', code: 'provider_error' });
  expect(logEntries(failed)).toMatchObject([['warn', { code: 'provider_error' }, 'a run failed']]);
  expect(JSON.stringify([logEntries(ended), logEntries(failed)])).not.toContain('private');
});

test('no other fact is logged', () => {
  expect([logEntries(asks('private')), logEntries(fact('sandbox.phase', { phase: 'ready' }, null))]).toEqual([[], []]);
});
