import { expect, test } from 'vitest';
import { AppError } from '../../../../src/core/errors/errors.ts';
import type { ResourceOwnership } from '../../../../src/core/model/access/holder.ts';
import { builtTemplateKind as kind } from '../../../../src/core/model/records.ts';
import type { BuiltTemplate } from '../../../../src/core/model/sandboxes/built-template.ts';
import { BuildRecords } from '../../../../src/sessions/builds/build-records.ts';
import { BuildLogWriter } from '../../../../src/sessions/builds/run-steps.ts';
import { createInMemoryStore } from '../../../../src/storage/memory/store.ts';
import { manualClock } from '../../../support/machines/manual-clock.ts';

test('two servers that tag one template at the same time lose no tag', async () => {
  const { records } = createInMemoryStore({ shared: true });
  const servers = [new BuildRecords({ records }), new BuildRecords({ records })] as const;
  await records.put({ kind, id: 'tpl-1', doc: { id: 'tpl-1', name: 'tools', at: 1, tags: {} } });
  const tag = (name: string, n: 0 | 1) =>
    servers[n].changeTags({ id: 'tpl-1' }, ({ tags }) => ({ ...tags, [name]: { build: 'b', at: 1 } }));
  await Promise.all([tag('v1', 0), tag('v2', 1), tag('v3', 0), tag('v4', 1)]);
  expect(Object.keys((await servers[0].template('tpl-1')).tags).sort()).toEqual(['v1', 'v2', 'v3', 'v4']);
});

test('the templates and builds of an owner are read alone', async () => {
  const { records } = createInMemoryStore();
  const built = new BuildRecords({ records });
  for (const owner of ['ann', 'bob', undefined]) {
    const id = `tpl-${owner}`;
    await records.put({ kind, id, doc: { id, name: 'tools', at: 1, tags: {}, owner } });
  }
  const idsOf = async (holder?: ResourceOwnership) => (await built.templates(holder)).map(({ id }) => id);
  expect(await Promise.all([idsOf({ owner: 'ann' }), idsOf({})])).toEqual([['tpl-ann'], ['tpl-undefined']]);
  expect(await idsOf()).toHaveLength(3);
});

test('builds that begin at several servers at the same time share their template, and pass no limit of their owner', async () => {
  const { records } = createInMemoryStore({ shared: true });
  const servers = [1, 2, 3].map(() => new BuildRecords({ records }));
  const room = (most: number) => (others: readonly unknown[]) => {
    if (others.length >= most) throw new AppError('quota', 'No room.');
  };
  const begin = (n: number, name: string) => {
    const by = { at: n, owner: 'ann' };
    let template: BuiltTemplate = { id: `tpl-${n}`, name, tags: {}, ...by };
    const build = { id: `b${n}`, templateId: template.id, tags: [], status: 'waiting' as const, ...by };
    return servers[n % 3]?.begin(
      { template: () => template, build },
      {
        now: n,
        build: room(8),
        template: (others) => {
          const found = others.find((one) => one.name === name);
          template = found ?? template;
          if (!found) room(2)(others);
        },
      },
    );
  };
  const all = await Promise.allSettled(Array.from({ length: 12 }, (_, n) => begin(n, n % 2 ? 'a' : 'b')));
  expect(all.filter(({ status }) => status === 'fulfilled')).toHaveLength(8);
  const [templates, builds] = await Promise.all([
    servers[0]?.templates({ owner: 'ann' }),
    servers[0]?.builds({ owner: 'ann' }),
  ]);
  expect(templates?.map(({ name }) => name).sort()).toEqual(['a', 'b']);
  expect(new Set(builds?.map(({ templateId }) => templateId))).toEqual(new Set(templates?.map(({ id }) => id)));
  await expect(begin(20, 'c')).rejects.toMatchObject({ code: 'quota' });
});

const opened = () =>
  new BuildLogWriter({ buildId: 'b', records: createInMemoryStore().records, clock: manualClock(5) });
const texts = (log: BuildLogWriter) => log.entries.map(({ text }) => text);

test('output becomes lines, also where its pieces end within one', () => {
  const log = opened();
  const received = log.listen('1');
  received('one\ntw');
  received('o\r\nthree');
  expect(texts(log)).toEqual(['one', 'two']);
  log.flush();
  expect(log.entries.at(-1)).toEqual({ at: 5, level: 'info', text: 'three', step: '1' });
});

test('endless output without a line end does not grow, and neither does a log without an end', () => {
  const log = opened();
  const received = log.listen('1');
  received('x'.repeat(5_000_000));
  expect(texts(log)).toEqual(['x'.repeat(2_000)]);
  received('line\n'.repeat(20_000));
  expect(log.entries).toHaveLength(5_001);
  expect(log.entries.at(-1)).toMatchObject({ level: 'warn', text: /not kept/ });
});
