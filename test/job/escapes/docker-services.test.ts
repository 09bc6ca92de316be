// @module-tag nightly
import { expect, test } from 'vitest';
import { escapesFromService } from '../../support/hostile/service-escapes.ts';
import { needs } from '../../support/servers/components.ts';

test('every attempt to escape from a service next to a sandbox of docker fails', async (context) => {
  await needs(context, 'docker');
  const attempts = await escapesFromService();
  expect(attempts.filter(({ outcome }) => outcome === 'escaped')).toEqual([]);
  expect(attempts.length).toBeGreaterThan(150);
});
