// @module-tag nightly
import { expect, test } from 'vitest';
import { escapesFromBuilds } from '../../support/hostile/build-escapes.ts';
import { needs } from '../../support/servers/components.ts';

test('every attempt to escape from a build of a template fails', async (context) => {
  await needs(context, 'docker');
  const attempts = await escapesFromBuilds();
  expect(attempts.filter(({ outcome }) => outcome === 'escaped')).toEqual([]);
  expect(attempts.length).toBeGreaterThan(400);
});
