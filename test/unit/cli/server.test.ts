import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { doctorCommand } from '../../../src/app/commands/doctor.ts';
import { resolveAddress } from '../../../src/cli/server.ts';

const quiet = { signal: new AbortController().signal, print: () => {}, say: () => {} };

test('the option wins over CORRAL_URL, which wins over the local server that runs', async () => {
  const data = await mkdtemp(join(tmpdir(), 'corral-address-'));
  try {
    const local = { url: 'http://127.0.0.1:9001', pid: process.pid, token: 'local' };
    await writeFile(join(data, 'server.json'), JSON.stringify(local));
    const env = { CORRAL_DATA_DIR: data };
    expect(resolveAddress(undefined, env)).toEqual({ url: 'http://127.0.0.1:9001', token: 'local' });
    const named = { ...env, CORRAL_URL: 'http://127.0.0.1:9002/', CORRAL_TOKEN: 'mine' };
    expect(resolveAddress(undefined, named)).toEqual({ url: 'http://127.0.0.1:9002', token: 'mine' });
    expect(resolveAddress('http://127.0.0.1:9001', env)).toEqual({ url: 'http://127.0.0.1:9001', token: 'local' });
    expect(resolveAddress('http://127.0.0.1:9003', env)).toEqual({ url: 'http://127.0.0.1:9003', token: undefined });
  } finally {
    await rm(data, { recursive: true });
  }
});

test('doctor asks the server at CORRAL_URL', async () => {
  const before = process.env.CORRAL_URL;
  process.env.CORRAL_URL = 'http://127.0.0.1:9';
  try {
    await expect(doctorCommand.run([], quiet)).rejects.toThrow('No server answers at http://127.0.0.1:9');
  } finally {
    if (before === undefined) delete process.env.CORRAL_URL;
    else process.env.CORRAL_URL = before;
  }
});
