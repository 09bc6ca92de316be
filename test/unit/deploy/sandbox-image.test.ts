import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';

test('the image of sandboxes has what people expect at a prompt', async () => {
  const dockerfile = await readFile('sandbox-images/Dockerfile', 'utf8');
  const [, list = ''] = /apt-get install -y --no-install-recommends \\\n([\s\S]*?)\n && rm/.exec(dockerfile) ?? [];
  const packages = list.split(/[\s\\]+/).filter(Boolean);
  expect(packages).toEqual(
    expect.arrayContaining(['htop', 'jq', 'less', 'make', 'nano', 'tree', 'unzip', 'vim-tiny', 'zip']),
  );
});
