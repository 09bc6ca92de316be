/** The value at a path of a payload, such as `issue.labels.0.name`. Undefined if there is none. */
export function readValueAt(payload: unknown, path: string): unknown {
  let value = payload;
  for (const name of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Readonly<Record<string, unknown>>)[name];
  }
  return value;
}
export function readTextAt(payload: unknown, ...paths: readonly string[]): string {
  for (const path of paths) {
    const value = readValueAt(payload, path);
    if (typeof value === 'string' && value !== '') return value;
    if (typeof value === 'number') return String(value);
  }
  return '';
}
export function readTextsAt(payload: unknown, list: string, path: string): string[] {
  const items = readValueAt(payload, list);
  return Array.isArray(items) ? items.map((item) => readTextAt(item, path)).filter(Boolean) : [];
}
/** Epoch ms. Undefined if no path has a time. */
export function readTimeAt(payload: unknown, ...paths: readonly string[]): number | undefined {
  const at = Date.parse(readTextAt(payload, ...paths));
  return Number.isNaN(at) ? undefined : at;
}
