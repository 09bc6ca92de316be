import { type DriverName, descriptorOf } from '../../../drivers/list.ts';
import { AppError } from '../../core/errors/errors.ts';
import type { Config } from '../settings/config.ts';

/**
 * With `sandbox.isolation: strict`: the config whose sandboxes get their own kernel. Rejects if no such runtime exists.
 */
export async function requireIsolation(config: Config, find: typeof descriptorOf = descriptorOf): Promise<Config> {
  if (config.sandbox.isolation === 'standard') return config;
  const refuse = (why: string) => {
    const what = 'CORRAL_SANDBOX_ISOLATION is strict, so every sandbox needs a kernel of its own (gVisor or Kata)';
    return new AppError('invalid_request', `${what}, and ${why}`);
  };
  // `auto` must not fall back to processes.
  const driver: DriverName = config.driver === 'auto' ? 'docker' : config.driver;
  const strict = find(driver)?.strict;
  if (!strict) {
    throw refuse(
      `the driver ${driver} has none to give: use CORRAL_DRIVER=docker or kubernetes, or set CORRAL_SANDBOX_ISOLATION=standard.`,
    );
  }
  return { ...config, driver, [driver]: await strict(sectionOf(config, driver), refuse) };
}

/** A driver's section of the settings; empty if it has none. */
export const sectionOf = (config: Config, driver: string): Record<string, unknown> =>
  (config as unknown as Record<string, Record<string, unknown>>)[driver] ?? {};
