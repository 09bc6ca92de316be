import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { doctorCommand } from '../../../src/app/commands/doctor.ts';
import { resolveAddress } from '../../../src/cli/server.ts';
import { temporaryFolder } from '../../support/stores/store.ts';

const quiet = { signal: new AbortController().signal, print: () => {}, say: () => {} };

test('the option wins over CORRAL_URL, which wins over the local server that runs', async () => {
  using data = temporaryFolder();
  const local = { url: 'http://127.0.0.1:9001', pid: process.pid, token: 'local' };
  await writeFile(join(data.path, 'server.json'), JSON.stringify(local));
  const env = { CORRAL_DATA_DIR: data.path };
  expect(resolveAddress(undefined, env)).toEqual({ url: 'http://127.0.0.1:9001', token: 'local' });
  const named = { ...env, CORRAL_URL: 'http://127.0.0.1:9002/', CORRAL_TOKEN: 'mine' };
  expect(resolveAddress(undefined, named)).toEqual({ url: 'http://127.0.0.1:9002', token: 'mine' });
  expect(resolveAddress('http://127.0.0.1:9001', env)).toEqual({ url: 'http://127.0.0.1:9001', token: 'local' });
  expect(resolveAddress('http://127.0.0.1:9003', env)).toEqual({ url: 'http://127.0.0.1:9003', token: undefined });
});

test('doctor asks the server at CORRAL_URL', async () => {
  vi.stubEnv('CORRAL_URL', 'http://127.0.0.1:9');
  onTestFinished(() => void vi.unstubAllEnvs());
  await expect(doctorCommand.run([], quiet)).rejects.toThrow('No server answers at http://127.0.0.1:9');
});
