import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { lackingPrograms } from '../../../../drivers/process/process.ts';

test.each([
  [{}, ['python3', 'perl']],
  [{ python3: 0o755 }, ['perl']],
  [{ python3: 0o644, perl: 0o755 }, ['python3']],
  [{ python3: 0o755, perl: 0o755 }, []],
])('of the programs %j, the machine lacks %j', async (present, lacking) => {
  const folder = await mkdtemp(join(tmpdir(), 'corral-lacking-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  for (const [name, mode] of Object.entries(present)) await writeFile(join(folder, name), '', { mode });
  expect((await lackingPrograms(['/nowhere', folder])).map(({ name }) => name)).toEqual(lacking);
});
