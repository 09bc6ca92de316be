import type { TRPCError } from '@trpc/server';
import { fromTrpcError } from '../../api/procedure/errors.ts';
import { wireErrors } from '../../http/errors/wire-errors.ts';
import type { HttpLogger } from '../../http/routes/observe.ts';
import type { FacadeParts } from '../shared/facade.ts';

export type TrpcDeps = Pick<
  FacadeParts,
  'acting' | 'admits' | 'version' | 'clock' | 'previews' | 'clients' | 'sockets' | 'sse' | 'logger'
>;

/** Logs an internal error in full; the client learns only that one occurred. */
export function reportBug(logger: HttpLogger, error: TRPCError, path: string | undefined): void {
  const known = fromTrpcError(error);
  if (wireErrors[known.code].http === 500) logger.error({ err: known.cause ?? known, path }, 'procedure failed');
}
