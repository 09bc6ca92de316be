import { z } from 'zod';

/** A setting that is a mapping in the file, and JSON in an environment variable. */
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
