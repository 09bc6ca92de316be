import { expect, test } from 'vitest';
import { BuildRecords } from '../../../../src/sessions/builds/build-records.ts';
import { memoryStore } from '../../../../src/storage/memory/store.ts';

test('two servers that tag one template at the same time lose no tag', async () => {
  const { records } = memoryStore({ shared: true });
  const servers = [new BuildRecords(records), new BuildRecords(records)] as const;
  await servers[0].putTemplate({ id: 'tpl-1', name: 'tools', at: 1, tags: {} });
  const tag = (name: string, n: 0 | 1) =>
    servers[n].changeTags({ id: 'tpl-1' }, ({ tags }) => ({ ...tags, [name]: { build: 'b', at: 1 } }));
  await Promise.all([tag('v1', 0), tag('v2', 1), tag('v3', 0), tag('v4', 1)]);
  expect(Object.keys((await servers[0].template('tpl-1')).tags).sort()).toEqual(['v1', 'v2', 'v3', 'v4']);
});

test('the templates and builds of an owner are read alone', async () => {
  const { records } = memoryStore();
  const built = new BuildRecords(records);
  for (const owner of ['ann', 'bob', undefined]) {
    const by = owner !== undefined && { owner };
    await built.putTemplate({ id: `tpl-${owner}`, name: 'tools', at: 1, tags: {}, ...by });
  }
  const idsOf = async (owner?: string | null) => (await built.templates(owner)).map(({ id }) => id);
  expect(await Promise.all([idsOf('ann'), idsOf(null)])).toEqual([['tpl-ann'], ['tpl-undefined']]);
  expect(await idsOf()).toHaveLength(3);
});
