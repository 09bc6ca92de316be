import { expect, test } from 'vitest';
import { modelRefFor, modelRoutes } from '../../../../src/facades/compat/managed-agents/resources/models.ts';
import type { Services } from '../../../../src/sessions/api/services.ts';

const models = {
  offered: async () => [
    { provider: 'anthropic', models: [{ id: 'claude-sonnet-5-5', name: 'Sonnet' }] },
    { provider: 'local', models: [{ id: 'qwen3', name: 'Qwen' }] },
  ],
} as unknown as Services['models'];

async function retrieved(name: string, names: readonly string[]) {
  const routes = modelRoutes({ models }, { models: [...names] });
  const route = routes.find(({ endpoint }) => endpoint === 'GET /v1/models/*');
  return await route?.run({ params: { '*': name } } as never);
}

test('a name for which another model stands is found, as sessions find it', async () => {
  const settings = { models: ['claude-*=local/qwen3', 'fast=anthropic/claude-sonnet-5-5'] };
  expect(await modelRefFor('claude-opus-5', { models, settings })).toBe('local/qwen3');
  expect(await retrieved('claude-opus-5', settings.models)).toMatchObject({
    id: 'claude-opus-5',
    display_name: 'Qwen',
  });
  expect(await retrieved('fast', settings.models)).toMatchObject({ id: 'fast', display_name: 'Sonnet' });
});

test('a name that no provider and no setting has is missing', async () => {
  expect(await retrieved('claude-sonnet-5-5', [])).toMatchObject({ display_name: 'Sonnet' });
  await expect(retrieved('claude-opus-5', [])).rejects.toMatchObject({ code: 'not_found' });
  await expect(retrieved('fast', ['fast=gone/model'])).rejects.toMatchObject({ code: 'not_found' });
});
