import { appendFileSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Secret } from '../../../src/core/text/secret.ts';
import { type AuditOptions, openAuditLog } from '../../../src/observability/audit/log.ts';
import { readAuditRows } from '../../../src/observability/audit/read.ts';
import { type AuditEntry, deriveAuditKey } from '../../../src/observability/audit/row.ts';
import { verifyAuditLog } from '../../../src/observability/audit/verify.ts';
import { manualClock } from '../../support/machines/manual-clock.ts';
import { temporaryFolder } from '../../support/stores/store.ts';

const key = deriveAuditKey(new Secret('a secret for tests'));
const deed = (target: string): AuditEntry => ({ action: 'session.delete', target, outcome: 'done', by: 'token' });
let place: ReturnType<typeof temporaryFolder>;
let folder: string;
let clock: ReturnType<typeof manualClock>;
beforeEach(() => {
  place = temporaryFolder();
  folder = join(place.path, 'audit');
  clock = manualClock(Date.UTC(2026, 0, 1));
});
afterEach(() => place[Symbol.dispose]());

let started = 0;
function open(options: Partial<AuditOptions> = {}) {
  clock.advance(1_000);
  const rest = { scrub: (text: string) => text, warn: () => {}, onHead: () => {} };
  const log = openAuditLog({ folder, key, clock, process: `p${++started}`, maxBytes: 1e6, ...rest, ...options });
  return log;
}
function kept(...targets: string[]) {
  using log = open();
  for (const target of targets) log.write(deed(target));
}
const files = () => readdirSync(folder).sort();
const pathOf = (n: number) => join(folder, files().at(n) ?? '');
const linesOf = (n: number) => readFileSync(pathOf(n), 'utf8').trim().split('\n');
const put = (n: number, lines: readonly string[]) => writeFileSync(pathOf(n), `${lines.join('\n')}\n`);
const rowsOf = (n: number) => linesOf(n).map((line) => JSON.parse(line));
const verify = (...rest: [Parameters<typeof verifyAuditLog>[2]?]) => verifyAuditLog(folder, [key], ...rest);

test("a row has the actor, action, target, time and outcome, and only the file's owner can read it", () => {
  using log = open();
  log.write({ ...deed('s1'), key: '5f0c3d9b21aa', by: 'key', role: 'user', address: '10.0.0.7' });
  expect(rowsOf(0)[1]).toEqual({
    n: 2,
    at: '2026-01-01T00:00:01.000Z',
    action: 'session.delete',
    target: 's1',
    outcome: 'done',
    by: 'key',
    key: '5f0c3d9b21aa',
    role: 'user',
    address: '10.0.0.7',
    mac: expect.any(String),
  });
  expect(statSync(pathOf(0)).mode & 0o777).toBe(0o600);
});

test('a secret that gets into a row is masked before it is sealed', () => {
  {
    using log = open({ scrub: (text) => text.replace('hunter2', '[secret]') });
    log.write(deed('hunter2'));
  }
  expect(linesOf(0).join('\n')).not.toContain('hunter2');
  expect(verify().broken).toEqual([]);
});

describe('verification of the audit log', () => {
  beforeEach(() => {
    kept('a', 'b', 'c');
    kept('d');
  });

  test('untouched, it is whole, over the ends of servers', () =>
    expect(verify()).toMatchObject({ files: 2, rows: 8, broken: [], notes: [] }));
  test.each<[string, (lines: string[]) => string[], where?: string]>([
    ['changed', (lines) => lines.map((line) => line.replace('"b"', '"x"')), 'row 3'],
    ['removed', (lines) => lines.toSpliced(2, 1)],
    ['put elsewhere', ([first = '', a = '', b = '', ...rest]) => [first, b, a, ...rest]],
    ['put in', (lines) => lines.toSpliced(2, 0, lines[2] ?? '')],
    ['cut off at the end', (lines) => lines.slice(0, -2)],
    ['cut off at the beginning', (lines) => lines.slice(1)],
  ])('a row that was %s is found out, and the first wrong one is named', (_, change, where = '') => {
    put(0, change(linesOf(0)));
    expect(verify().broken[0]).toContain(where);
  });
  test('a file that is gone from between is missed; the oldest may go', () => {
    kept('e');
    const [oldest = '', middle = ''] = files();
    rmSync(join(folder, oldest));
    expect(verify()).toMatchObject({ broken: [], notes: [expect.stringContaining('what was before was removed')] });
    kept('f');
    rmSync(join(folder, middle));
    rmSync(pathOf(0));
    expect(verify().broken).toEqual([]);
    kept('g');
    kept('h');
    rmSync(pathOf(1));
    expect(verify().broken[0]).toContain('is missing');
  });
  test('a caller that knows the head of the log notices a missing end', () => {
    const { head } = verify();
    expect(verify(head).broken).toEqual([]);
    put(1, linesOf(1).slice(0, -1));
    expect(verify().broken).toEqual([]);
    expect(verify(head).broken[0]).toContain('the recorded row is missing');
  });
  test('verification uses the key that sealed the log, also when a newer key is listed first', () => {
    const newer = deriveAuditKey(new Secret('another'));
    expect(verifyAuditLog(folder, [newer, key]).broken).toEqual([]);
    expect(verifyAuditLog(folder, [newer]).broken[0]).toContain('is not configured');
  });
});

test('a server that was killed while it wrote leaves half a row, which harms no other', () => {
  kept('a');
  appendFileSync(pathOf(0), '{"n":4,"at":"20');
  kept('b');
  expect(verify()).toMatchObject({ broken: [], notes: [expect.stringContaining('not whole')] });
  truncateSync(pathOf(0), 10);
  expect(verify().broken).not.toEqual([]);
});

test('beyond its size the oldest files go, the others hang together, and the end of each is reported', () => {
  const heads: string[] = [];
  {
    using log = open({ maxBytes: 65_536, onHead: ({ file }) => void heads.push(file) });
    for (let n = 0; n < 1_000; n++) log.write(deed(`s${n}`));
  }
  const bytes = files().reduce((sum, file) => sum + statSync(join(folder, file)).size, 0);
  expect(bytes).toBeLessThanOrEqual(65_536);
  expect(files().length).toBeGreaterThan(4);
  expect([heads.slice(-files().length), verify().broken]).toEqual([files(), []]);
  expect(rowsOf(-1).at(-2)).toMatchObject({ target: 's999' });
});

test('rows that could not be written are counted, and a row says how many', () => {
  const warned: string[] = [];
  let fails = false;
  const scrub = (text: string) => {
    if (fails) throw new Error('no space left on device');
    return text;
  };
  {
    using log = open({ scrub, warn: (_, text) => void warned.push(text) });
    fails = true;
    for (const target of ['a', 'b']) log.write(deed(target));
    fails = false;
    log.write(deed('c'));
  }
  expect(rowsOf(0).map(({ action, detail, target }) => [action, detail?.rows ?? target])).toEqual([
    ['audit.begin', undefined],
    ['audit.lost', 2],
    ['session.delete', 'c'],
    ['audit.end', undefined],
  ]);
  expect([warned.length, verify().broken]).toEqual([1, []]);
});

test('a folder that cannot be written to is reported at the start', () => {
  writeFileSync(join(place.path, 'audit'), '');
  expect(() => open()).toThrow('CORRAL_AUDIT_ENABLED=false');
});

describe('reading', () => {
  const targetsOf = async (query: Partial<Parameters<typeof readAuditRows>[1]>) => {
    const { rows, next } = await readAuditRows(folder, { limit: 100, text: 'session', ...query });
    return [rows.map(({ target }) => target).join(' '), next];
  };
  beforeEach(() => {
    kept('s1', 's2');
    using log = open();
    log.write({ ...deed('s3'), by: 'key', key: 'ada', outcome: 'forbidden' });
    log.write({ ...deed('<b>s4'), action: 'session.create' });
    appendFileSync(pathOf(-1), '{"n":9,"torn');
  });

  test.each([
    [{}, '<b>s4 s3 s2 s1'],
    [{ target: 's2' }, 's2'],
    [{ target: 's' }, ''],
    [{ key: 'ada' }, 's3'],
    [{ action: 'session' }, '<b>s4 s3 s2 s1'],
    [{ action: 'session.create' }, '<b>s4'],
    [{ action: 'session.cre' }, ''],
    [{ outcome: 'refused' }, 's3'],
    [{ outcome: 'done' }, '<b>s4 s2 s1'],
    [{ text: 'FORBID' }, 's3'],
    [{ text: '.*' }, ''],
    [{ text: '(a+)+$' }, ''],
    [{ text: '<B>' }, '<b>s4'],
    [{ text: '"mac"' }, ''],
    [{ from: Date.UTC(2026, 0, 1) + 1_500 }, '<b>s4 s3'],
    [{ to: Date.UTC(2026, 0, 1) + 1_500 }, 's2 s1'],
  ] as const)('%j finds the rows %j, the newest first', async (query, targets) =>
    expect(await targetsOf(query)).toEqual([targets, null]),
  );

  test('pages follow each other without a gap', async () => {
    const pages: unknown[] = [];
    let before: string | null | undefined;
    for (; before !== null; ) {
      const { rows, next } = await readAuditRows(folder, { limit: 3, text: 'session', before });
      pages.push(rows.map(({ target }) => target).join(' '));
      before = next;
    }
    expect(pages).toEqual(['<b>s4 s3 s2', 's1']);
  });

  test('a call reads a bounded part of a large log, and the next one goes on', async () => {
    {
      using log = open({ maxBytes: 1e9 });
      for (let n = 0; n < 60_000; n++) log.write(deed('x'.repeat(200)));
    }
    let [calls, before]: [number, string | undefined] = [0, undefined];
    for (; ; calls++) {
      const { rows, next } = await readAuditRows(folder, { limit: 10, target: 's1', before });
      if (rows.length > 0) break;
      before = next ?? expect.unreachable();
    }
    expect(calls).toBeGreaterThan(0);
  });

  test('a place outside of the log reads nothing there', async () =>
    expect(await targetsOf({ before: '00000000T000000000Z-x-000000.jsonl:999999' })).toEqual(['', null]));
});
