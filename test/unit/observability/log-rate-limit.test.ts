import { expect, test } from 'vitest';
import { createLogger, readLogNoiseCounts } from '../../../src/observability/logger.ts';
import { createMetrics } from '../../../src/observability/metrics.ts';
import { createScrubber } from '../../../src/observability/scrub.ts';
import { manualClock } from '../../support/machines/manual-clock.ts';

function recorded() {
  const clock = manualClock();
  const lines: Record<string, unknown>[] = [];
  const destination = { write: (line: string) => lines.push(JSON.parse(line)) };
  return { clock, lines, logger: createLogger({ level: 'info', scrubber: createScrubber(), destination, clock }) };
}
const text = 'a connection from a sandbox was refused';
const left = 'similar lines were suppressed';

test('the logger writes ten repeated lines of a sandbox per minute, and then the number of suppressed ones', () => {
  const { clock, lines, logger } = recorded();
  for (let n = 0; n < 66_000; n++) logger.warn({ sandbox: 'noisy' }, text);
  expect(lines).toHaveLength(10);
  clock.advance(60_000);
  expect(lines.slice(10)).toMatchObject([
    { level: 'warn', msg: left, kind: text, suppressed: 65_990, sources: 1, most: 'noisy', seconds: 60 },
  ]);
  clock.advance(600_000);
  logger.warn({ sandbox: 'noisy' }, text);
  expect([lines.length, readLogNoiseCounts(logger)]).toEqual([12, [{ kind: text, logged: 11, suppressed: 65_990 }]]);
});

test('a noisy source hides no lines of other sources or of other kinds', () => {
  const { lines, logger } = recorded();
  for (let n = 0; n < 100; n++) logger.warn({ sandbox: 'noisy' }, text);
  logger.warn({ sandbox: 'quiet' }, text);
  logger.error({ session: 'noisy' }, 'a run failed because of a bug');
  expect(lines.slice(10).map(({ sandbox, msg }) => sandbox ?? msg)).toEqual(['quiet', 'a run failed because of a bug']);
});

test('more sources and kinds than anybody needs take no more lines and no more memory', async () => {
  const { clock, lines, logger } = recorded();
  for (let n = 0; n < 20_000; n++) logger.warn({ address: `${n}` }, text);
  for (let n = 0; n < 20_000; n++) logger.warn(`kind ${n}`);
  clock.advance(60_000);
  expect(lines.length).toBeLessThan(500);
  expect(readLogNoiseCounts(logger).length).toBeLessThan(300);
  const all = readLogNoiseCounts(logger).reduce((sum, { logged, suppressed }) => sum + logged + suppressed, 0);
  expect(all).toBe(40_000);
});

test('refused requests are limited for each address; others and all that the server says by itself are not', () => {
  const { clock, lines, logger } = recorded();
  const request = (status: number, address?: string) => logger.info({ status, route: '/x', address }, 'request');
  for (let n = 0; n < 1_000; n++) request(401, '192.0.2.1');
  for (let n = 0; n < 1_000; n++) request(200);
  for (let n = 0; n < 1_000; n++) logger.info({ session: 'a' }, 'a run ended');
  request(401, '192.0.2.2');
  expect(lines).toHaveLength(100 + 1_000 + 1_000 + 1);
  clock.advance(60_000);
  expect(lines.at(-1)).toMatchObject({ kind: 'request refused 401', suppressed: 900, most: '192.0.2.1' });
});

test('a metric counts every line, shown or not', async () => {
  const { logger } = recorded();
  for (let n = 0; n < 25; n++) logger.warn({ sandbox: 'noisy' }, text);
  const metrics = createMetrics({ noise: () => readLogNoiseCounts(logger) });
  for (const _scrape of [1, 2]) {
    const reply = await metrics.text();
    expect(reply).toContain(`corral_log_lines_total{kind="${text}",outcome="logged"} 10`);
    expect(reply).toContain(`corral_log_lines_total{kind="${text}",outcome="suppressed"} 15`);
  }
});
