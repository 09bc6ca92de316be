import type { FilePart } from './abilities.ts';

export const query = (values: Record<string, string>) => new URLSearchParams(values).toString();

/** The part of a file as query values. */
export const partValues = ({ from, most }: FilePart): Record<string, string> => ({
  ...(from && { from: String(from) }),
  ...(most !== undefined && { most: String(most) }),
});
