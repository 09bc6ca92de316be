import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { AppError } from '../../../src/core/errors/errors.ts';
import { Secret } from '../../../src/core/text/secret.ts';
import { createLogger } from '../../../src/observability/logger.ts';
import { createScrubber } from '../../../src/observability/scrub.ts';

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
      'said canary-secret-1',
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
