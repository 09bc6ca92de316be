import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../../src/app/settings/config.ts';
import { ensureStartToken, requiresStartToken } from '../../../src/app/start/start-token.ts';
import { createTokenVerifier } from '../../../src/auth/token.ts';
import { temporaryFolder } from '../../support/stores/store.ts';

describe('at the start', () => {
  test('a server that lets sessions choose a real model without isolation has a token of its own too', () => {
    const config = loadConfig({ CORRAL_UNCONFINED: '1' }, '');
    expect(['none', 'namespaces'].map((isolation) => requiresStartToken(isolation, config))).toEqual([true, false]);
  });

  // columns: the driver with or without isolation, the address, whether a token is set, the model
  test.each([
    ['namespaces', '127.0.0.1', undefined, 'gemini/x', 'open'],
    ['container', '127.0.0.1', undefined, 'gemini/x', 'open'],
    ['none', '127.0.0.1', undefined, 'demo', 'open'],
    ['none', '127.0.0.1', undefined, 'gemini/x', 'own token'],
    ['none', '127.0.0.1', 'right', 'gemini/x', 'CORRAL_TOKEN'],
    ['none', '127.0.0.1', 'right', 'demo', 'CORRAL_TOKEN'],
    ['container', '127.0.0.1', 'right', 'demo', 'CORRAL_TOKEN'],
    ['container', '0.0.0.0', 'right', 'gemini/x', 'CORRAL_TOKEN'],
    ['container', '0.0.0.0', undefined, 'demo', 'refused'],
    ['none', '0.0.0.0', undefined, 'gemini/x', 'refused'],
  ])('isolation %s on %s, token %s, model %s: %s', (isolation, host, token, model, outcome) => {
    const env = { HOST: host, CORRAL_MODEL: model, GEMINI_API_KEY: 'k', ...(token && { CORRAL_TOKEN: token }) };
    const decided = () => {
      const config = loadConfig(env, '');
      if (requiresStartToken(isolation, config)) return 'own token';
      return config.token ? 'CORRAL_TOKEN' : 'open';
    };
    if (outcome === 'refused') expect(decided).toThrow(/CORRAL_TOKEN is not set/);
    else expect(decided()).toBe(outcome);
  });

  test('a token is made once; later starts know it by its hash, which is all that is kept', async () => {
    using folder = temporaryFolder();
    const first = await ensureStartToken(join(folder.path, 'data'), () => 'a-token');
    expect(first.token?.reveal()).toBe('a-token');
    const kept = await readFile(first.path, 'utf8');
    expect(kept).toMatch(/^[0-9a-f]{64}$/);
    expect((await stat(first.path)).mode & 0o777).toBe(0o600);
    const later = await ensureStartToken(join(folder.path, 'data'), () => 'another');
    expect(later).toEqual({ hash: { sha256: kept }, path: first.path });
    const gate = createTokenVerifier(later.hash);
    expect([gate.required, gate.accepts(['a-token']), gate.accepts([kept]), gate.accepts(['another'])]).toEqual([
      true,
      true,
      false,
      false,
    ]);
    await writeFile(first.path, 'broken');
    expect((await ensureStartToken(join(folder.path, 'data'), () => 'third')).token?.reveal()).toBe('third');
  });
});
