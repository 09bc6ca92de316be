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
  return /^[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?$/i.test(digits) ? Number(digits) : Number.NaN;
}

/** A number for a field that {@link parseNumber} reads, without separators of thousands. */
export const toNumberText = (value: number, locale: string): string =>
  value.toLocaleString(locale, { useGrouping: false, maximumFractionDigits: 20 });
