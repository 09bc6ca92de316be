// @module-tag all
// I10: the server's secrets appear nowhere but in its own memory and on the connection to its provider.
import { MongoClient } from 'mongodb';
import { expect, test, vi } from 'vitest';
import { callReply, fakeGemini, type GeminiReply, refusal, text } from '../../support/agents/fake-gemini.ts';
import { databaseText, filesUnder, insideOf, searcher, writingsOf } from '../../support/hostile/canaries.ts';
import { reaches, realServer } from '../../support/servers/real-server.ts';
import { mongoUrl, skipMongo } from '../../support/stores/mongo.ts';
import { inEachWorld } from '../../support/worlds.ts';

/** Twelve secrets; every encoding changes each secret differently. */
const canaries = {
  geminiKey: 'AIzaCanary-5f1e77aa',
  openaiKey: 'sk-canary/Open+ai==&x=1',
  anthropicKey: 'sk-ant-canary"quoted"\\back',
  token: 'canary-token+90/b2c4"%41',
  encryptionKey: 'c0ffee11canary'.replace(/[^0-9a-f]/g, '0').padEnd(64, 'a7'),
  s3Key: 'AKIACANARYACCESS0001',
  s3Secret: 'canary/S3+secret/41b7=',
  storedKey: 'stored-canary~key!*()9d3e',
  triedKey: 'tried-canary:key@7c21#f',
  wrongToken: 'wrong-canary-token-66d0',
  wrongPassword: 'wrong-canary-password-1a2b',
  ambient: 'ambient-canary-of-the-shell-8e55',
} as const;
const found = searcher(canaries);
// Every file that the sandbox's user can read and that could contain a secret.
const search = `(cat /proc/*/environ /proc/*/cmdline /run/corral/* 2>/dev/null; env) | grep -aio 'canar[y][-a-z0-9]*'
grep -rasio 'canar[y][-a-z0-9]*' /workspace /home /tmp /etc /run 2>/dev/null; echo searched`;

inEachWorld('process', 'with $driver', (world) => {
  test('I10 twelve secrets reach no sandbox, log line, event, file or label', async (context) => {
    const { geminiKey, token } = canaries;
    // A provider that repeats the key in its error: plain, in an address, in JSON, in base64.
    const echoes = `The key ${writingsOf(geminiKey).join(' or ')} is no good.`;
    await using gemini = await fakeGemini((_, n) => {
      const replies: GeminiReply[] = [
        refusal(429, 'RESOURCE_EXHAUSTED', `Slow down, ${geminiKey}.`, { headers: { 'retry-after': '0' } }),
        callReply('make_plan', { title: 'Search', steps: ['Search'], acknowledgement: 'On it.' }),
        callReply('shell_exec', { id: 'main', command: search }),
        { chunks: [text('Searched.', 'STOP')] },
        refusal(400, 'INVALID_ARGUMENT', echoes),
        refusal(400, 'INVALID_ARGUMENT', `The key ${canaries.triedKey} is no good.`), // the key under test
      ];
      return replies[n] as GeminiReply;
    });
    await using database = new AsyncDisposableStack();
    const url = new URL(mongoUrl ?? 'mongodb://127.0.0.1:27017/');
    url.pathname = `/corral_${crypto.randomUUID().slice(0, 8)}`;
    database.defer(async () => {
      if (skipMongo) return;
      await using client = new MongoClient(url.href);
      await client.db().dropDatabase();
    });
    await using real = await realServer(context, world, {
      CORRAL_MODEL: 'gemini/gemini-2.5-flash',
      GEMINI_API_KEY: geminiKey,
      OPENAI_API_KEY: canaries.openaiKey,
      ANTHROPIC_API_KEY: canaries.anthropicKey,
      AWS_ACCESS_KEY_ID: canaries.s3Key,
      AWS_SECRET_ACCESS_KEY: canaries.s3Secret,
      CORRAL_KEYS_ENCRYPTION_KEY: canaries.encryptionKey,
      CORRAL_MODELS_GEMINI_BASE_URL: gemini.url,
      CORRAL_TOKEN: token,
      SOME_AMBIENT_SECRET: canaries.ambient,
      LOG_LEVEL: 'trace',
      ...(!skipMongo && { MONGODB_URL: url.href }),
    });
    const { server } = real;
    const send = async (method: string, path: string, body?: object, headers: Record<string, string> = {}) =>
      await fetch(`${server.url}${path}`, {
        method,
        headers: { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }), ...headers },
        ...(body && { body: JSON.stringify(body) }),
      });
    const ask = (method: string, path: string, body?: object) => send(method, `/api/v1/sessions${path}`, body);
    const answers: string[] = [];
    const received = async (response: Promise<Response>): Promise<string> => {
      const answer = await response;
      const reply = await answer.text();
      answers.push(JSON.stringify([...answer.headers]), reply);
      return reply;
    };

    const stored = await send('POST', '/api/v1/settings/api-keys', { provider: 'openai', api_key: canaries.storedKey });
    expect([200, 201]).toContain(stored.status);
    const made = JSON.parse(await received(ask('PUT', ''))) as { data: { session_id: string } };
    const id = made.data.session_id;
    const input = encodeURIComponent(JSON.stringify({ sessionId: id, limit: 1_000 }));
    const events = () => send('GET', `/trpc/events.list?input=${input}`).then((answer) => answer.text());
    try {
      await vi.waitFor(async () => expect(await events()).toContain('"phase":"ready"'), { timeout: 60_000 });
      await received(ask('POST', `/${id}/chat`, { message: 'Search for secrets' }));
      await received(
        send('POST', '/api/v1/settings/api-keys/test', { provider: 'gemini', api_key: canaries.triedKey }),
      );
      await received(send('GET', `/api/v1/sessions?token=${canaries.wrongToken}`, undefined, { authorization: '' }));
      await received(
        send('GET', '/api/v1/sessions', undefined, {
          authorization: `Basic ${Buffer.from(`somebody:${canaries.wrongPassword}`).toString('base64')}`,
          cookie: `session=${canaries.wrongPassword}`,
        }),
      );
      await received(
        send('GET', `/api/v1/sessions?token=${encodeURIComponent(token)}`, undefined, { authorization: '' }),
      );

      // The run worked as usual: it searched, and the provider's text about the key was shown.
      expect(gemini.requests[0]?.headers['x-goog-api-key']).toBe(geminiKey);
      const log = await events();
      expect(log).toContain('"output":"searched\\n"');
      expect(log).toContain('"type":"run.error"');
      expect(found(log)).toEqual([]);
      for (const answer of answers) expect(found(answer)).toEqual([]);
      await reaches(() => server.output().includes('"msg":"request"'));
      expect(found(server.output())).toEqual([]);
      for await (const file of filesUnder(server.data)) expect(found(file.text), file.path).toEqual([]);
      if (!skipMongo) expect(found(await databaseText(url.href))).toEqual([]);
      const seen: string[] = [];
      for await (const part of insideOf(world, id)) {
        seen.push(part.path);
        expect(found(part.text), part.path).toEqual([]);
      }
      expect(seen.length).toBeGreaterThan(1);
      expect(found(await (await send('GET', `/metrics?token=${encodeURIComponent(token)}`)).text())).toEqual([]);
    } finally {
      await ask('DELETE', `/${id}`);
    }
  });
});

test('the search finds a secret in each of its forms', () => {
  for (const secret of Object.values(canaries)) {
    for (const writing of writingsOf(secret)) expect(found(`<${writing}>`), writing).not.toEqual([]);
  }
});
