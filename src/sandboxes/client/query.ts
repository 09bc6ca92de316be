import type { FilePart } from './abilities.ts';

export const toQueryString = (values: Record<string, string>) => new URLSearchParams(values).toString();

export const toFilePartQuery = ({ from, most }: FilePart): Record<string, string> => ({
  ...(from && { from: String(from) }),
  ...(most !== undefined && { most: String(most) }),
});
