/** The part that a `Range` names; undefined for one to ignore: other units, several ranges, or counted from the end. */
export function byteRange(header: string | undefined): { readonly from: number; readonly length?: number } | undefined {
  const [, first, last] = /^bytes=(\d{1,15})-(\d{0,15})$/.exec(header ?? '') ?? [];
  if (first === undefined) return undefined;
  const from = Number(first);
  if (!last) return { from };
  return Number(last) < from ? undefined : { from, length: Number(last) - from + 1 };
}
