import type { z } from 'zod';

export interface SettingDescription {
  readonly about: string;
  readonly accepts: string;
  /** Unprefixed variable names that other tools also use, such as PORT. */
  readonly standard: readonly string[];
  readonly isSecret: boolean;
  readonly fallback: unknown;
  /** Undefined if the setting cannot change at run time. */
  readonly change?: SettingEditor | undefined;
}
export interface SettingEditor {
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

/** `fallback`: the default, as a user would write it. */
export const defineSetting = <Schema extends z.ZodType>(
  kind: Kind<Schema>,
  fallback: z.input<Schema>,
  about: string,
  ...standard: string[]
) => kind.kind.prefault(fallback as never).meta({ ...describe(kind, about, standard, { fallback }) });

export const defineOptionalSetting = <Schema extends z.ZodType>(
  kind: Kind<Schema>,
  about: string,
  ...standard: string[]
) => kind.kind.optional().meta({ ...describe(kind, about, standard, {}) });

/** Defines a setting whose value never appears in error messages. */
export const defineSecretSetting = <Schema extends z.ZodType>(
  kind: Kind<Schema>,
  fallback: z.input<Schema>,
  about: string,
) => kind.kind.prefault(fallback as never).meta({ ...describe(kind, about, [], { fallback, isSecret: true }) });

export const defineOptionalSecret = <Schema extends z.ZodType>(
  kind: Kind<Schema>,
  about: string,
  ...standard: string[]
) => kind.kind.optional().meta({ ...describe(kind, about, standard, { isSecret: true }) });

/** Administrators cannot change the setting while the configuration file or a variable sets it. */
export const markChangeable = <Schema extends z.ZodType>(schema: Schema, change: SettingEditor): Schema =>
  schema.meta({ ...schema.meta(), change });
