import { resolveModelInfo, withPrices } from '../../../../src/agents/models/catalog/catalog.ts';
import type { Model } from '../../../../src/agents/models/model.ts';
import type { ModelBuildOptions } from '../../../../src/agents/models/provider.ts';
import { findConfiguredProvider } from '../../../../src/agents/models/registry.ts';
import { Secret } from '../../../../src/core/text/secret.ts';
import { manualClock } from '../../machines/manual-clock.ts';
import { fakeKey } from './server.ts';
import type { WireName } from './wire-format.ts';

export const fakeRefs: Readonly<Record<WireName, string>> = {
  gemini: 'gemini/gemini-2.5-flash',
  anthropic: 'anthropic/claude-sonnet-5-5',
  openai: 'openai/gpt-5-mini',
  compatible: 'local/qwen3',
};

/** A model of this provider that calls the fake; only the test moves its clock. */
export async function modelAt(wire: WireName, url: string, more: Partial<ModelBuildOptions> = {}): Promise<Model> {
  const name = more.name ?? fakeRefs[wire];
  const [providerName = '', model = ''] = name.split('/');
  const provider = findConfiguredProvider(providerName, { compatible: { local: { baseUrl: url } } });
  if (!provider) throw new Error(`no provider ${providerName}`);
  const entry = wire === 'compatible' ? { images: true, price: { input: 1, output: 2 } } : {};
  const { abilities, reasoning, costOf } = await resolveModelInfo(provider, model, entry);
  let n = 0;
  const built = await provider.build({
    name,
    model,
    abilities,
    reasoning,
    key: new Secret(fakeKey),
    baseUrl: url,
    advice: { key: `KEY_OF_${wire}`, baseUrl: `models.${providerName}.base-url` },
    clock: manualClock(),
    newId: () => `${wire}-id${++n}`,
    ...more,
  });
  return withPrices(built, costOf);
}
