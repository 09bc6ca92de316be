import { createAnthropic } from '@ai-sdk/anthropic';
import { findClaudeComputerType } from './claude.ts';
import type { ProviderAdapter } from './provider-adapter.ts';

// Below the newest models' maximum, because the limit counts against the context window.
const maxDefaultOutput = 32_000;

export const anthropicAdapter: ProviderAdapter = {
  name: 'anthropic',
  open: ({ model, key, baseUrl, fetch }) =>
    createAnthropic({ apiKey: key?.reveal() ?? 'none', baseURL: `${baseUrl.replace(/\/v1$/, '')}/v1`, fetch })(model),
  options: ({ sampling, tools }, { abilities, isForeign }) => ({
    maxOutputTokens: sampling?.maxOutputTokens ?? Math.min(abilities.maxOutput, maxDefaultOutput),
    // With reasoning on, a turn must start with signed reasoning, which another model's calls lack.
    ...(isForeign && { reasoning: 'provider-default' as const }),
    ...(tools.length > 0 &&
      !abilities.parallel && { providerOptions: { anthropic: { disableParallelToolUse: true } } }),
  }),
  native: (tool, model) => {
    const id = tool.kind === 'computer' ? findClaudeComputerType(model) : undefined;
    if (tool.kind !== 'computer' || !id) return undefined;
    const size = { displayWidthPx: tool.width, displayHeightPx: tool.height };
    if (id === 'computer_toolset_20260801') return { id: `anthropic.${id}`, args: {} };
    return { id: `anthropic.${id}`, args: { ...size, ...(id === 'computer_20251124' && { enableZoom: true }) } };
  },
  pictures: 'inside',
  keepsReasoning: 'always',
  cacheMark: { anthropic: { cacheControl: { type: 'ephemeral' } } },
};
