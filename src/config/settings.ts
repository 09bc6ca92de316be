import type { z } from 'zod';
import type { SettingDescription } from './setting.ts';

export interface Setting extends SettingDescription {
  readonly schema: z.ZodType;
  /** The path in the `Config` object. */
  readonly path: readonly string[];
  readonly key: string;
  /** All variables for the setting, in order of precedence. */
  readonly variables: readonly string[];
  readonly shown: string;
}

const kebab = (name: string) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
const shapeOf = (schema: z.ZodType) => (schema as z.ZodObject).shape as Record<string, z.ZodType> | undefined;

function leaves(schema: z.ZodType, path: readonly string[]): Setting[] {
  const shape = shapeOf(schema);
  if (shape) return Object.entries(shape).flatMap(([name, inner]) => leaves(inner, [...path, name]));
  const about = schema.meta() as unknown as SettingDescription;
  const key = path.map(kebab).join('.');
  const own = `CORRAL_${key.replace(/[-.]/g, '_').toUpperCase()}`;
  return [{ ...about, schema, path, key, variables: [own, ...about.standard], shown: about.standard[0] ?? own }];
}

export interface SettingsLayout {
  readonly settings: readonly Setting[];
  /** Paths in kebab case; '' is the file itself. */
  readonly groups: ReadonlySet<string>;
}

export function readSettingsLayout(schema: z.ZodType): SettingsLayout {
  const found = leaves(schema, []);
  const paths = found.flatMap(({ key }) => key.split('.').map((_, depth, words) => words.slice(0, depth).join('.')));
  return { settings: found, groups: new Set(paths) };
}
