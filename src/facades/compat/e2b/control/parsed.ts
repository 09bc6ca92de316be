import type { z } from 'zod';
import { AppError } from '../../../../core/errors/errors.ts';

/** Parses the body of a request, which can be absent. A field that is null counts as absent, as in E2B's own server. Rejects: invalid_request, with the path of the first error. */
export function parseInput<Shape extends z.ZodType>(shape: Shape, input: unknown): z.output<Shape> {
  const asSent = shape.safeParse(input ?? {});
  const found = asSent.success ? asSent : shape.safeParse(withoutNulls(input ?? {}));
  if (found.success) return found.data;
  const [issue] = found.error.issues;
  throw new AppError('invalid_request', `${issue?.path.join('.') || 'The body'}: ${issue?.message}`);
}

const withoutNulls = (input: unknown): unknown =>
  typeof input === 'object' && input !== null && !Array.isArray(input)
    ? Object.fromEntries(Object.entries(input).filter(([, value]) => value !== null))
    : input;
