import { expect, test } from 'vitest';
import { BuildLogWriter } from '../../../../src/sessions/builds/build-log.ts';
import { memoryStore } from '../../../../src/storage/memory/store.ts';
import { manualClock } from '../../../support/machines/manual-clock.ts';

const opened = () => new BuildLogWriter({ buildId: 'b', records: memoryStore().records, clock: manualClock(5) });
const texts = (log: BuildLogWriter) => log.entries.map(({ text }) => text);

test('output becomes lines, also where its pieces end within one', () => {
  const log = opened();
  const heard = log.listen('1');
  heard('one\ntw');
  heard('o\r\nthree');
  expect(texts(log)).toEqual(['one', 'two']);
  log.flush();
  expect(log.entries.at(-1)).toEqual({ at: 5, level: 'info', text: 'three', step: '1' });
});

test('endless output without a line end does not grow, and neither does a log without an end', () => {
  const log = opened();
  const heard = log.listen('1');
  heard('x'.repeat(5_000_000));
  expect(texts(log)).toEqual(['x'.repeat(2_000)]);
  heard('line\n'.repeat(20_000));
  expect(log.entries).toHaveLength(5_001);
  expect(log.entries.at(-1)).toMatchObject({ level: 'warn', text: /not kept/ });
});
