import type { z } from 'zod';
import { InvalidRequest, type Issue } from '../errors/error-style.ts';

/** Checks one part of a request against its zod schema. */
export function validatorCompiler({ schema, httpPart }: { schema: unknown; httpPart?: string | undefined }) {
  return (data: unknown): { value: unknown } | { error: Error } => {
    const parsed = (schema as z.ZodType).safeParse(data);
    if (parsed.success) return { value: parsed.data };
    const place = httpPart === 'querystring' ? 'query' : httpPart === 'params' ? 'path' : (httpPart ?? 'body');
    const issues = parsed.error.issues.map((issue) => toIssue(issue, place));
    const text = issues.map(({ loc, msg }) => `${loc.slice(1).join('.') || place}: ${msg}`).join('; ');
    return { error: new InvalidRequest(issues, text) };
  };
}

function toIssue({ code, path, message }: z.core.$ZodIssue, place: string): Issue {
  const loc = [place, ...path.map((key) => (typeof key === 'number' ? key : String(key)))];
  const missing = code === 'invalid_type' && message.endsWith('received undefined');
  return missing ? { type: 'missing', loc, msg: 'Field required' } : { type: code, loc, msg: message };
}
