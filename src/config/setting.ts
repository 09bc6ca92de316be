import type { z } from 'zod';

// A setting: one zod schema with its description. Parts that bring settings of their own build them with these.

/** The description of a setting next to its schema. The list of variables, the help and the errors use it. */
export interface SettingDescription {
  readonly about: string;
  readonly accepts: string;
  /** Common variables of other tools, without the prefix CORRAL_. */
  readonly standard: readonly string[];
  readonly isSecret: boolean;
  readonly fallback: unknown;
  /** Administrators change it in the running server; undefined: it is read only at the start. */
  readonly change?: ChangeableSetting | undefined;
}
/** The place of a setting among those that people change, and the form in which they enter it. */
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

/** A setting that can stay unset. */
export const optional = <Schema extends z.ZodType>(kind: Kind<Schema>, about: string, ...standard: string[]) =>
  kind.kind.optional().meta({ ...describe(kind, about, standard, {}) });

/** A setting with a default whose value no error repeats. */
export const secretSetting = <Schema extends z.ZodType>(kind: Kind<Schema>, fallback: z.input<Schema>, about: string) =>
  kind.kind.prefault(fallback as never).meta({ ...describe(kind, about, [], { fallback, isSecret: true }) });

export const optionalSecret = <Schema extends z.ZodType>(kind: Kind<Schema>, about: string, ...standard: string[]) =>
  kind.kind.optional().meta({ ...describe(kind, about, standard, { isSecret: true }) });

/** A setting that administrators change in the running server, where neither a file nor a variable sets it. */
export const markChangeable = <Schema extends z.ZodType>(schema: Schema, change: ChangeableSetting): Schema =>
  schema.meta({ ...schema.meta(), change });
