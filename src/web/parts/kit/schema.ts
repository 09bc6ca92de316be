import type { TextKey } from '../../text/texts.ts';

// `npm run check` generates forms.json from the server's operations.

export interface FieldSchema {
  /** `many`: any number of the values. `list`: strings separated by spaces or commas. */
  readonly kind: 'text' | 'number' | 'choice' | 'many' | 'list';
  readonly isRequired?: boolean;
  /** Whether an empty field means null. */
  readonly isNullable?: boolean;
  readonly values?: readonly string[];
  /** Words that can replace a number, such as `unlimited`. */
  readonly words?: readonly string[];
  readonly pattern?: string;
  /** Limits on a number, or on the length of a string. */
  readonly min?: number;
  readonly max?: number;
  readonly isWhole?: boolean;
  readonly initial?: string;
}
export type FormSchema = Readonly<Record<string, FieldSchema>>;
export type FieldDraft = string | readonly string[];

const entriesOf = (text: string): string[] => text.split(/[\s,]+/).filter(Boolean);

export function toFieldDraft(
  { kind, initial = '', words = [] }: FieldSchema,
  value: unknown,
  locale: string,
): FieldDraft {
  if (Array.isArray(value)) return kind === 'many' ? value.map(String) : value.join(', ');
  if (kind === 'many') return [];
  const text = value === undefined || value === null ? initial : String(value);
  return kind === 'number' && text !== '' && !words.includes(text) ? toNumberText(Number(text), locale) : text;
}

/** Undefined: the field is omitted. */
export function parseFieldDraft(
  { kind, isRequired, isNullable, words = [] }: FieldSchema,
  draft: FieldDraft,
  locale: string,
): unknown {
  if (typeof draft !== 'string') return draft;
  if (kind === 'list') return isRequired || draft.trim() !== '' ? entriesOf(draft) : undefined;
  if (draft.trim() === '' && !isRequired) return isNullable ? null : undefined;
  return kind === 'number' && !words.includes(draft.trim()) ? parseNumber(draft, locale) : draft;
}

export type FieldProblem = readonly [text: TextKey, values?: Readonly<Record<string, string | number>>];

export function findFieldProblem(schema: FieldSchema, draft: FieldDraft, locale: string): FieldProblem | undefined {
  const { kind, isRequired, pattern, min, max, isWhole = false, words = [] } = schema;
  const entries = typeof draft !== 'string' ? draft : kind === 'list' ? entriesOf(draft) : [draft].filter(hasText);
  if (entries.length === 0) return isRequired ? [kind === 'many' ? 'form.chooseOne' : 'form.required'] : undefined;
  for (const entry of entries) {
    if (kind === 'number') {
      if (words.includes(entry.trim())) continue;
      const value = parseNumber(entry, locale);
      if (Number.isNaN(value)) return ['form.noNumber'];
      if (max === Number.MAX_SAFE_INTEGER && value < (min ?? value)) return ['form.atLeast', { min: min ?? 0 }];
      if (isWhole && !Number.isInteger(value)) return ['form.noWhole'];
      if (value < (min ?? value) || value > (max ?? value)) return ['form.range', { min: min ?? '…', max: max ?? '…' }];
    } else {
      if (max !== undefined && entry.length > max) return ['form.tooLong', { n: max }];
      if (min !== undefined && entry.length < min) return ['form.tooShort', { n: min }];
      if (pattern !== undefined && !new RegExp(pattern, 'u').test(entry)) return ['form.badForm'];
    }
  }
  return undefined;
}
const hasText = (text: string): boolean => text.trim() !== '';

/**
 * Parses a number as people write it in the locale: `1.234,5` in German and `1,234.5` in English. A separator that
 * separates no thousands is a decimal point in each. NaN for anything else.
 */
export function parseNumber(text: string, locale: string): number {
  const parts = new Intl.NumberFormat(locale).formatToParts(12_345.6);
  const signOf = (type: string) => parts.find((part) => part.type === type)?.value ?? '';
  const [group, point] = [signOf('group').replace(/\s/, ' '), signOf('decimal')];
  const written = text.trim().replace(/\s/g, ' ');
  const [whole = '', ...places] = point === '' ? [written] : written.split(point);
  const isGrouped = group !== '' && new RegExp(`^[-+]?\\d{1,3}(?:\\${group}\\d{3})+$`).test(whole);
  const plain = isGrouped ? whole.replaceAll(group, '') : whole.replace(',', '.');
  const digits = [plain, ...places].join('.');
  return /^[-+]?(?:\d+(?:\.\d*)?|\.\d+)$/.test(digits) ? Number(digits) : Number.NaN;
}

/** A number for a field that {@link parseNumber} reads, without separators of thousands. */
export const toNumberText = (value: number, locale: string): string =>
  value.toLocaleString(locale, { useGrouping: false, maximumFractionDigits: 20 });
