import { join } from 'node:path';
import { expect } from 'vitest';
import { fakeProvider } from '../../support/agents/fake-models/server.ts';
import { fakeSettings } from '../../support/agents/fake-models/settings.ts';
import type { WireName } from '../../support/agents/fake-models/wire-format.ts';
import { runProgram, type Steps } from '../../support/clients/e2b-sdks.ts';
import { testRows } from '../../support/runner/tags.ts';
import { needs } from '../../support/servers/components.ts';
import { serverProcess } from '../../support/servers/server-process.ts';
import { obedient } from './script.ts';

export const key = 'ma_0123456789';
const program = (name: string) => join(import.meta.dirname, 'programs', name);
const python = { language: 'python', packages: ['anthropic==2.12.0'] } as const;
const javascript = { language: 'javascript', packages: ['@anthropic-ai/sdk@1.12.0'] } as const;
/** Refusals, as the programs report them. */
export const bad = [400, 'invalid_request_error', null];
export const goneRefusal = [404, 'not_found_error', null];

/** A real server whose model, on this wire, follows the instructions of a message. */
export async function serverWith(wire: WireName, driver = 'process', settings: Record<string, string> = {}) {
  await using stack = new AsyncDisposableStack();
  const fake = stack.use(await fakeProvider(wire, obedient));
  const server = stack.use(
    await serverProcess({
      CORRAL_DRIVER: driver,
      CORRAL_MANAGED_AGENTS: 'on',
      CORRAL_TOKEN: key,
      ...fakeSettings(wire, fake.url),
      ...settings,
      ...(wire === 'compatible' && { CORRAL_MANAGED_AGENTS_MODELS: 'claude-*=local/qwen3' }),
    }),
  );
  const held = stack.move();
  return {
    server,
    env: { ANTHROPIC_BASE_URL: `${server.url}/anthropic`, ANTHROPIC_API_KEY: key },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}
type ManagedServer = Awaited<ReturnType<typeof serverWith>>;

/**
 * The steps that a program of this folder reports. Only environment variables lead it to the server. Every reply to a
 * Python program is checked against the SDK's own models.
 */
export async function stepsOf(it: ManagedServer, name: string, more: Record<string, string> = {}): Promise<Steps> {
  const env = { ...it.env, ...more };
  if (name.endsWith('.mjs')) return await runProgram({ ...javascript, files: [program(name)] }, env);
  const files = [program('strict.py'), program(name)];
  const { faults, models, ...steps } = await runProgram({ ...python, files }, env);
  expect(faults).toEqual({});
  expect(models).toBeGreaterThan(3);
  return steps;
}

/** The models and sandboxes with which programs run; an ordinary run uses the first. */
const everywhere = [
  ['anthropic', 'process'],
  ['compatible', 'process'],
  ['anthropic', 'docker'],
  ['compatible', 'docker'],
] as const satisfies readonly (readonly [WireName, string])[];

/** A test of a program with each model and driver. */
export function testEverywhere(
  name: string,
  play: (it: ManagedServer) => Promise<void>,
  settings: Record<string, string> = {},
): void {
  testRows(everywhere)(`${name}: a model of the wire %s, %s`, async ([wire, driver], context) => {
    await needs(context, driver === 'docker' ? 'docker' : 'bubblewrap');
    await using it = await serverWith(wire, driver, settings);
    await play(it);
  });
}
