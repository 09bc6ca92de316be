// I10: what only the server may know is nowhere but in its own memory and on the line to its provider.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { run } from '../../support/api.ts';
import { fakeGemini, functionCall, type GeminiReply, parts, refusal, text } from '../../support/fake-gemini.ts';
import { reaches, realServer } from '../../support/real-server.ts';
import { worlds } from '../../support/worlds.ts';

const canaries = { key: 'AIzaCanary-5f1e77aa', token: 'canary-token-90b2c4' };
const forms = Object.values(canaries).flatMap((secret) => [
  secret,
  encodeURIComponent(secret),
  Buffer.from(secret).toString('base64').replaceAll('=', ''),
]);
const found = (where: string): string[] => forms.filter((form) => where.includes(form));
const call = (name: string, args: object): GeminiReply => ({
  chunks: [parts([functionCall(name, args)]), parts([{ text: '' }], 'STOP')],
});
// Everything that the sandbox's user can read of what could hold a secret.
const search = `(cat /proc/*/environ /proc/*/cmdline /run/corral/* 2>/dev/null; env) | grep -aio 'canar[y][-a-z0-9]*'
grep -rasio 'canar[y][-a-z0-9]*' /workspace /home /tmp /etc /run 2>/dev/null; echo searched`;

describe.each(worlds)('with $driver', (world) => {
  test('I10 keys and tokens reach no sandbox, log line, event, file or label', {
    timeout: 180_000,
  }, async (context) => {
    await using gemini = await fakeGemini((_, n) => {
      const replies: GeminiReply[] = [
        refusal(429, 'RESOURCE_EXHAUSTED', `Slow down, ${canaries.key}.`, { headers: { 'retry-after': '0' } }),
        call('make_plan', { title: 'Search', steps: ['Search'], acknowledgement: 'On it.' }),
        call('shell_exec', { id: 'main', command: search }),
        { chunks: [text('Searched.', 'STOP')] },
        refusal(400, 'INVALID_ARGUMENT', `The key ${canaries.key} is no good.`),
      ];
      return replies[n] as GeminiReply;
    });
    await using real = await realServer(context, world, {
      CORRAL_MODEL: 'gemini/gemini-2.5-flash',
      GEMINI_API_KEY: canaries.key,
      CORRAL_MODELS_GEMINI_BASE_URL: gemini.url,
      CORRAL_TOKEN: canaries.token,
      LOG_LEVEL: 'trace',
    });
    const { server } = real;
    const ask = (method: string, path: string, body?: object) =>
      fetch(`${server.url}/api/v1/sessions${path}`, {
        method,
        headers: { authorization: `Bearer ${canaries.token}` },
        ...(body && { body: JSON.stringify(body) }),
      });
    const made = (await (await ask('PUT', '')).json()) as { data: { session_id: string } };
    const id = made.data.session_id;
    try {
      await reaches(() => real.factsOf(id, 'sandbox.phase').some(({ data }) => data.phase === 'ready'), 45_000);
      const stream = await (await ask('POST', `/${id}/chat`, { message: 'Search for secrets' })).text();
      await fetch(`${server.url}/api/v1/sessions?token=${canaries.token}`);
      const [called] = real.factsOf(id, 'tool.called');
      expect(called?.data.output).toBe('searched\n');
      expect(gemini.requests[0]?.headers['x-goog-api-key']).toBe(canaries.key);
      expect(real.factsOf(id, 'run.error')).toHaveLength(1); // the refusal that echoes the key was told

      expect(found(stream)).toEqual([]);
      expect(found(JSON.stringify(real.log(id)))).toEqual([]);
      expect(server.output()).toContain('"msg":"request"');
      expect(found(server.output())).toEqual([]);
      for (const file of await readdir(server.data, { recursive: true, withFileTypes: true })) {
        if (!file.isFile()) continue;
        const path = join(file.parentPath, file.name);
        expect(found(await readFile(path, 'latin1')), path).toEqual([]);
      }
      if (world.driver === 'docker') {
        const { stdout } = await run('docker', ['inspect', ...(await world.running(id))]);
        expect(found(stdout)).toEqual([]);
      }
      const metrics = await fetch(`${server.url}/metrics?token=${canaries.token}`);
      expect(found(await metrics.text())).toEqual([]);
    } finally {
      await ask('DELETE', `/${id}`);
    }
  });
});
