import type { TRPCError } from '@trpc/server';
import type { HttpLogger } from '../shared/observe.ts';
import { wireErrors } from '../shared/wire-errors.ts';
import { appErrorOf } from './errors.ts';

/** Logs an internal error in full; the client learns only that one occurred. */
export function reportBug(logger: HttpLogger, error: TRPCError, path: string | undefined): void {
  const known = appErrorOf(error);
  if (wireErrors[known.code].http === 500) logger.error({ err: known.cause ?? known, path }, 'procedure failed');
}
