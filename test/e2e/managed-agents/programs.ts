import { join } from 'node:path';
import { fakeProvider } from '../../support/agents/fake-models/server.ts';
import { fakeSettings } from '../../support/agents/fake-models/settings.ts';
import type { WireName } from '../../support/agents/fake-models/wire-format.ts';
import { serverProcess } from '../../support/servers/server-process.ts';
import { obedient } from './script.ts';

export const key = 'ma_0123456789';
/** A program of this folder. */
export const program = (name: string) => join(import.meta.dirname, 'programs', name);
/** The packages of the programs in each language. */
export const python = { language: 'python', packages: ['anthropic==2.12.0'] } as const;
export const javascript = { language: 'javascript', packages: ['@anthropic-ai/sdk@1.12.0'] } as const;

/** A real server whose model, on this wire, does what a message asks. */
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
