import type { z } from 'zod';

// A setting: one zod schema with its description. Modules that add settings of their own build them with these
// functions.

/** The description of a setting, kept with its schema. The list of variables, the help and the errors use it. */
export interface SettingDescription {
  readonly about: string;
  readonly accepts: string;
  /** Names without the prefix CORRAL_ that other tools also use, such as PORT. */
  readonly standard: readonly string[];
  readonly isSecret: boolean;
  readonly fallback: unknown;
  /** Present if administrators can change it while the server runs; undefined: it is read once, at the start. */
  readonly change?: ChangeableSetting | undefined;
}
/** The group of a changeable setting in the page, and its input format. */
export interface ChangeableSetting {
  readonly section: 'approvals' | 'tools' | 'network' | 'template' | 'budgets' | 'retention' | 'memory';
  readonly form: SettingForm;
}
export type SettingForm =
  | { readonly kind: 'rules' | 'tools' | 'hosts' | 'template' }
  | { readonly kind: 'choice'; readonly options: readonly string[] }
  | { readonly kind: 'amount'; readonly unit: 'seconds' | 'days' | 'bytes' | 'count' | 'cost' };
interface Kind<Schema extends z.ZodType> {
  accepts: string;
  kind: Schema;
}
const describe = (
  { accepts }: { accepts: string },
  about: string,
  standard: readonly string[],
  more: Partial<SettingDescription>,
) => ({ about, accepts, standard, isSecret: false, fallback: undefined, ...more }) satisfies SettingDescription;

/** A setting with a default, in the form that a user would write. */
export const setting = <Schema extends z.ZodType>(
  kind: Kind<Schema>,
  fallback: z.input<Schema>,
  about: string,
  ...standard: string[]
) => kind.kind.prefault(fallback as never).meta({ ...describe(kind, about, standard, { fallback }) });

/** An optional setting without a default. */
export const optionalSetting = <Schema extends z.ZodType>(kind: Kind<Schema>, about: string, ...standard: string[]) =>
  kind.kind.optional().meta({ ...describe(kind, about, standard, {}) });

/** A setting with a default. Error messages never contain its value. */
export const secretSetting = <Schema extends z.ZodType>(kind: Kind<Schema>, fallback: z.input<Schema>, about: string) =>
  kind.kind.prefault(fallback as never).meta({ ...describe(kind, about, [], { fallback, isSecret: true }) });

export const optionalSecret = <Schema extends z.ZodType>(kind: Kind<Schema>, about: string, ...standard: string[]) =>
  kind.kind.optional().meta({ ...describe(kind, about, standard, { isSecret: true }) });

/** Marks a setting that administrators can change while the server runs, unless the file or a variable sets it. */
export const markChangeable = <Schema extends z.ZodType>(schema: Schema, change: ChangeableSetting): Schema =>
  schema.meta({ ...schema.meta(), change });
