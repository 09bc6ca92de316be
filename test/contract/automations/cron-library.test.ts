// @module-tag nightly
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { nextTimes, parseCron } from '../../../src/automations/schedule.ts';
import { pythonWith } from '../../support/clients/python.ts';
import { needs } from '../../support/servers/components.ts';

const run = promisify(execFile);
const zones = [
  'UTC',
  'Europe/Berlin',
  'Europe/London',
  'America/New_York',
  'America/Sao_Paulo',
  'America/St_Johns',
  'Asia/Kathmandu',
  'Asia/Tokyo',
  'Australia/Sydney',
  'Pacific/Auckland',
];
const rules = [
  '*/15 * * * *',
  '0 * * * *',
  '30 2 * * *',
  '15 1 * * *',
  '0 3 * * *',
  '0 9 * * 1-5',
  '5,35 */6 * * *',
  '0 0 1 * *',
  '10 0 29 2 *',
  '0 12 13 * 5',
  '59 23 31 * *',
  '0 1-4 * 3,10,11 0',
];
const program = `
import json, sys
from datetime import datetime, timezone
from zoneinfo import ZoneInfo
from cronsim import CronSim
for line in sys.stdin:
    zone, rule, begin, end = json.loads(line)
    times = []
    for at in CronSim(rule, datetime.fromtimestamp(begin, timezone.utc).astimezone(ZoneInfo(zone))):
        if at.timestamp() > end:
            break
        times.append(int(at.timestamp()))
    print(json.dumps(times), flush=True)
`;

test('ten zones have the same times as an independent library over a year with both clock changes', {
  tags: ['nightly'],
}, async (context) => {
  await needs(context, 'registries');
  const python = await pythonWith(['cronsim==2.8', 'tzdata==2025.2']);
  const [begin, end] = [Date.parse('2026-01-01T00:00:00Z') / 1_000, Date.parse('2027-01-01T00:00:00Z') / 1_000];
  const asked = zones.flatMap((zone) => rules.map((rule) => [zone, rule, begin, end] as const));
  const child = run(python, ['-c', program], { maxBuffer: 2 ** 28 });
  child.child.stdin?.end(asked.map((one) => JSON.stringify(one)).join('\n'));
  const answers = (await child).stdout
    .trim()
    .split('\n')
    .map((line): number[] => JSON.parse(line));
  let compared = 0;
  for (const [n, [zone, rule]] of asked.entries()) {
    const theirs = answers[n] ?? [];
    const cron = parseCron({ cron: rule, timezone: zone });
    const ours = nextTimes(cron, begin * 1_000, theirs.length + 1).filter((at) => at <= end * 1_000);
    expect(
      ours.map((at) => at / 1_000),
      `${rule} in ${zone}`,
    ).toEqual(theirs);
    compared += theirs.length;
  }
  expect(compared).toBeGreaterThan(400_000);
});
