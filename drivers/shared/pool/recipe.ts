import { createHash } from 'node:crypto';
import type { SandboxRecipe } from '../../driver.ts';

/** A short name for a sandbox's settings, usable as a label's value. */
export function recipeName({ template, image, limits, egress, env, services, volumes }: SandboxRecipe): string {
  const parts = ordered({
    template,
    image,
    limits,
    egress,
    env,
    ...(services && { services }),
    ...(volumes && { volumes }),
  });
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 20);
}

function ordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(ordered);
  if (typeof value !== 'object' || value === null) return value;
  return Object.entries(value)
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([key, inner]) => [key, ordered(inner)]);
}
