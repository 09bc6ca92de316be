import { expect, test } from 'vitest';
import { needs } from '../servers/components.ts';
import { escapesFrom } from './escapes.ts';

const settings = {
  docker: { CORRAL_DRIVER: 'docker' },
  'docker:runsc': { CORRAL_DRIVER: 'docker', CORRAL_SANDBOX_ISOLATION: 'strict' },
  process: { CORRAL_DRIVER: 'process' },
} as const;

/** Runs every escape attempt of the suite in real sandboxes of one driver; the test fails if one succeeds. */
export function escapeTest(name: keyof typeof settings): void {
  test(`every attempt to escape from a sandbox of ${name} fails`, async (context) => {
    await needs(context, name === 'process' ? 'bubblewrap' : 'docker');
    if (name === 'docker:runsc') await needs(context, 'gvisor');
    const attempts = await escapesFrom({ name, settings: settings[name], ownKernel: name === 'docker:runsc' });
    expect(attempts.filter(({ outcome }) => outcome === 'escaped')).toEqual([]);
    expect(attempts.length).toBeGreaterThan(150);
  });
}
