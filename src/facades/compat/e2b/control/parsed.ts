import type { z } from 'zod';
import { AppError } from '../../../../core/errors/errors.ts';

/** Parses the body of a request, which can be absent. Rejects: invalid_request, with the path of the first error. */
export function parseInput<Shape extends z.ZodType>(shape: Shape, input: unknown): z.output<Shape> {
  const found = shape.safeParse(input ?? {});
  if (found.success) return found.data;
  const [issue] = found.error.issues;
  throw new AppError('invalid_request', `${issue?.path.join('.') || 'The body'}: ${issue?.message}`);
}
