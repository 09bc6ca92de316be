import { z } from 'zod';

export const allowJsonText = <Kind extends z.ZodType>(mapping: Kind) =>
  z.union([
    mapping,
    z
      .string()
      .transform((json, { addIssue }): unknown => {
        try {
          return JSON.parse(json);
        } catch {
          addIssue('no JSON');
          return z.NEVER;
        }
      })
      .pipe(mapping),
  ]);
