import { expect, test } from 'vitest';
import { explainMismatch } from '../../../src/automations/hooks/receiver.ts';
import { parseCron } from '../../../src/automations/schedule.ts';

const starts = (text: string) =>
  explainMismatch(
    { events: ['comment.mention'], account: 'corral-bot', label: null, senders: [], repositories: [] } as never,
    { event: 'comment.mention', repository: 'a/b', sender: 'ann', labels: [], assignees: [], text } as never,
  ) === undefined;

test.each([
  ['@corral-bot fix it'],
  ['Please, @Corral-Bot: fix it'],
  ['> an earlier text\n\n@corral-bot fix it'],
  ['> an earlier text\n- @corral-bot fix it'],
  ['```\ncode\n```\n@corral-bot fix it'],
  ['~~~js\n```\n~~~\n@corral-bot'],
  ['`code` @corral-bot `more`'],
  ['An open ` and @corral-bot'],
  ['\\`@corral-bot\\`'],
  ['- a list\n\n    @corral-bot, in its second paragraph'],
  ['a > b @corral-bot'],
  ['<!-- a note --> @corral-bot'],
  ['A line\n    @corral-bot that goes on'],
  ['| a | @corral-bot |'],
])('a mention in the own words of a comment starts: %j', (text) => expect(starts(text)).toBe(true));

test.each([
  ['> @corral-bot fix it'],
  ['> > @corral-bot'],
  ['   >@corral-bot'],
  ['> quoted text\nthat goes on to @corral-bot'],
  ['- > @corral-bot'],
  ['On Monday, Ann wrote:\r\n> @corral-bot fix it\r\n\r\nNo.'],
  ['```\n@corral-bot\n```'],
  ['```\n@corral-bot, in code without an end'],
  ['~~~\n@corral-bot\n~~~'],
  ['````\n```\n@corral-bot\n```\n````'],
  ['- ```\n  @corral-bot\n  ```'],
  ['`@corral-bot`'],
  ['``a ` @corral-bot``'],
  ['`in two\nlines @corral-bot`'],
  ['Text:\n\n    @corral-bot'],
  ['\t@corral-bot'],
  ['<pre>@corral-bot</pre>'],
  ['<code>@corral-bot</code>'],
  ['<blockquote>\n\n@corral-bot\n\n</blockquote>'],
  ['<!-- @corral-bot -->'],
  ['mail@corral-bot'],
  ['@corral-bots'],
])('a mention inside of a quote or code starts nothing: %j', (text) => expect(starts(text)).toBe(false));

test.each([
  ['0 9 * * 1#2', 'has #, which counts the weeks of a month'],
  ['0 9 ? * 1', 'has ?, which other programs read as "no day". Write * there (day of the month)'],
  ['0 9 * * ?', '(day of the week)'],
  ['0 9 L * *', 'has L, which is the last day'],
  ['0 9 L-3 * *', 'has L, which is the last day'],
  ['0 9 LW * *', 'has L, which is the last day'],
  ['0 9 * * 5L', 'has L, which is the last day'],
  ['0 9 * * friL', 'has L, which is the last day'],
  ['0 9 15W * *', 'has W, which is the nearest weekday'],
  ['H 9 * * *', 'has H, which is a chosen time'],
  ['H(0-7)/2 9 * * *', 'has H, which is a chosen time'],
  ['0~30 9 * * *', 'has ~, which is a random time'],
  ['0 0 9 * * 1', 'has 6 fields'],
  ['0 0 9 * * 1 2027', 'has 7 fields'],
  ['0 9 * *', 'has 4 fields'],
  ['daily', 'has one field'],
  ['@daily', 'has the nickname @daily'],
  ['@every 5m', 'has the nickname @every'],
  ['60 9 * * *', 'has 60 as the minute, which is from 0 to 59'],
  ['0 24 * * *', 'has 24 as the hour, which is from 0 to 23'],
  ['0 9 0 * *', 'has 0 as the day of the month, which is from 1 to 31'],
  ['0 9 * 13 *', 'has 13 as the month, which is from 1 to 12'],
  ['0 9 * * 8', 'has 8 as the day of the week, which is from 0 to 7'],
  ['0 9 * foo *', 'has foo, which is no name of a month'],
  ['0 9 * mon *', 'has mon, which is no name of a month'],
  ['0 9 * * jan', 'has jan, which is no name of a day of the week'],
  ['mon 9 * * *', 'has mon, which is no name of a minute'],
  ['*/0 9 * * *', 'has a step in the minute that is no number above 0: */0'],
  ['5/10 9 * * *', 'has a step in the minute without a range: 5/10. Write */10'],
  ['1//2 9 * * *', 'has a step in the minute'],
  ['1-2-3 9 * * *', 'has no range in the minute: 1-2-3'],
  ['0 9 * * mon-', 'has no day of the week: mon-'],
  ['0 9,, * * *', 'has no hour'],
  ['0 9 -1 * *', 'has no day of the month: -1'],
  ['0 9 31 2 *', 'never comes'],
])('%s is refused by what it is', (cron, why) => expect(() => parseCron({ cron, timezone: 'UTC' })).toThrow(why));

test.each(['*/5 9-17 1,15 jan-mar MON-FRI', '0 9 * * sun', '0 9 * * 7', '0 9 * jul wed', '0-30/10 * * 1-12/2 *'])(
  '%s is a schedule',
  (cron) => expect(parseCron({ cron, timezone: 'UTC' }).cron.nextRun()).not.toBeNull(),
);
