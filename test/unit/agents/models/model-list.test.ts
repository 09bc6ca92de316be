import { afterAll, describe, expect, test } from 'vitest';
import { openaiCompatibleListFormat } from '../../../../src/agents/models/aisdk/compatible-provider.ts';
import { withCatalogInfo } from '../../../../src/agents/models/catalog/catalog.ts';
import { listModels } from '../../../../src/agents/models/model-list.ts';
import { findConfiguredProvider } from '../../../../src/agents/models/registry.ts';
import { Secret } from '../../../../src/core/text/secret.ts';
import { type FakeProvider, fakeKey, fakeProvider } from '../../../support/agents/fake-models/server.ts';
import type { WireName } from '../../../support/agents/fake-models/wire-format.ts';

const fakes = new Map<WireName, Promise<FakeProvider>>();
const fake = (wire: WireName) => {
  const running = fakes.get(wire) ?? fakeProvider(wire, []);
  fakes.set(wire, running);
  return running;
};
afterAll(async () => {
  for (const running of fakes.values()) await (await running)[Symbol.asyncDispose]();
});
const never = new AbortController().signal;

async function ask(wire: WireName, key = fakeKey) {
  const { url } = await fake(wire);
  const compatible = wire === 'compatible' ? { compatible: { baseUrl: url } } : {};
  const access = findConfiguredProvider(wire, { compatible } as never)?.access;
  if (!access) throw new Error('no access');
  return await listModels(access, { baseUrl: url, key: new Secret(key), fetch }, never);
}
/** Answers every request with this body. */
const answering = (body: string, status = 200) => ({
  baseUrl: 'http://models.test/v1',
  key: undefined,
  fetch: async () => new Response(body, { status }),
});
const access = {
  keyCheck: { headers: (key: string) => ({ authorization: key }) },
  listing: openaiCompatibleListFormat,
};

describe('the list of a provider', () => {
  test.each<[WireName, string[]]>([
    ['gemini', ['gemini-2.5-flash', 'gemini-2.5-pro']],
    ['openai', ['gpt-5-mini', 'gpt-5', 'o4-mini']],
    ['anthropic', ['claude-sonnet-5-5', 'claude-haiku-5-5']],
    ['compatible', ['qwen3', 'meta/llama-9', 'small:1b']],
  ])('%s has the models of every page that an agent can use', async (wire, ids) =>
    expect((await ask(wire)).map(({ id }) => id)).toEqual(ids),
  );

  test('says what the provider says about context, price and abilities', async () => {
    expect(await ask('compatible')).toContainEqual({
      id: 'meta/llama-9',
      name: 'Meta: Llama 9',
      window: 131_072,
      maxOutput: 16_384,
      images: true,
      tools: true,
      reasoning: false,
      price: { input: 0.15, output: 0.6 },
    });
    const [flash] = await ask('gemini');
    expect(flash).toMatchObject({ name: 'Gemini 2.5 Flash', window: 1_048_576, maxOutput: 65_536, reasoning: true });
  });

  test('takes price and window from the published list where the provider tells none', async () => {
    const found = await withCatalogInfo('openai', { id: 'gpt-5-mini', name: 'gpt-5-mini' });
    expect(found).toMatchObject({ window: 400_000, price: { input: 0.25, output: 2 } });
    expect(await withCatalogInfo('ollama', { id: 'x', name: 'x' })).toEqual({ id: 'x', name: 'x' });
  });

  test.each<WireName>(['gemini', 'openai', 'anthropic', 'compatible'])('%s refuses a wrong key', async (wire) => {
    const refused = ask(wire, 'a-wrong-key');
    const expected = { code: 'model_unauthorized', publicMessage: expect.stringContaining('refused this key') };
    await expect(refused).rejects.toMatchObject(expected);
    await expect(refused).rejects.not.toMatchObject({ publicMessage: expect.stringContaining('a-wrong-key') });
  });
});

describe('an address that is no provider', () => {
  test.each([
    ['a page', '<html>', 200, 'no list of models'],
    ['another JSON', '{"status":"running"}', 200, 'no list of models'],
    ['nothing there', '', 404, 'no list of models'],
    ['a failure', 'secret internals', 500, 'status 500'],
  ])('%s is reported in words that do not repeat it', async (_name, body, status, words) => {
    const requested = listModels(access, answering(body, status), never);
    await expect(requested).rejects.toMatchObject({ publicMessage: expect.stringContaining(words) });
    await expect(requested).rejects.not.toMatchObject({ publicMessage: expect.stringContaining('internals') });
  });

  test('an answer without end is abandoned', async () => {
    const block = new Uint8Array(1024 * 1024).fill(32);
    let sent = 0;
    const pull = (to: ReadableStreamDefaultController) => {
      sent++;
      to.enqueue(block);
    };
    const endless = { ...answering(''), fetch: async () => new Response(new ReadableStream({ pull })) };
    await expect(listModels(access, endless, never)).rejects.toMatchObject({ code: 'model_rejected' });
    expect(sent).toBeLessThan(20);
  });

  test('odd entries are left out, and odd facts count as unknown', async () => {
    const odd = [
      { id: 'with space' },
      { id: 7 },
      null,
      { id: 'x'.repeat(300) },
      { id: 'fine', context_length: -1, pricing: { prompt: 'free', completion: '-1' }, name: 5 },
    ];
    const found = await listModels(access, answering(JSON.stringify({ data: odd })), never);
    const fine = { id: 'fine', name: 'fine', window: undefined, price: undefined };
    expect(found.map(({ id, name, window, price }) => ({ id, name, window, price }))).toEqual([fine]);
  });

  test('a list that never ends a page is read for twenty pages', async () => {
    let calls = 0;
    const read = () => ({ models: [{ id: `m${calls}`, name: 'm' }], next: String(++calls) });
    const listing = { path: () => '/models', read };
    await listModels({ ...access, listing }, answering('{}'), never);
    expect(calls).toBe(20);
  });
});
