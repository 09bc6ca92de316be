import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const packages = ['httpx==0.28.1', 'mypy==2.4.1'];

const makeSync = join(import.meta.dirname, '../../../clients/python/scripts/make_sync.py');

/** A Python with the packages that the client and its checks need. The client's synchronous half is generated. */
export async function python(): Promise<string> {
  await run('python3', [makeSync]);
  return await pythonWith(packages);
}

/** A Python with these packages; made once for the machine. */
export async function pythonWith(packages: readonly string[]): Promise<string> {
  const home = join(tmpdir(), `corral-python-${process.getuid?.()}-${packages.join('-')}`); // users cannot share one
  const program = join(home, 'bin/python');
  if (existsSync(program)) return program;
  const part = `${home}.${process.pid}`;
  await mkdir(part, { recursive: true });
  await run('python3', ['-m', 'venv', part]);
  await run(join(part, 'bin/python'), ['-m', 'pip', 'install', '--quiet', ...packages], { timeout: 300_000 });
  await rename(part, home).catch(() => {}); // another test was faster
  return program;
}
