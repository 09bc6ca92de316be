import { z } from 'zod';

/** A setting that the file gives as a mapping, and a variable of the environment as JSON. */
export const mappingOrJson = <Kind extends z.ZodType>(mapping: Kind) =>
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
