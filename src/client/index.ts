// `corral/client`: the typed client of a Corral server, for browsers and Node.
import type { inferRouterInputs, inferRouterOutputs } from '@trpc/server';
import type { AppRouter } from '../facades/trpc/router.ts';

export { TRPCClientError } from '@trpc/client';
export type { ErrorData } from '../facades/trpc/errors.ts';
export type { AppRouter } from '../facades/trpc/router.ts';
export type { Resync } from '../facades/trpc/schemas.ts';
export { type CorralClient, type CorralClientOptions, createCorralClient } from './client.ts';

/** Each procedure's input and output types, by its name: `Outputs['files']['list']`. */
export type Inputs = inferRouterInputs<AppRouter>;
export type Outputs = inferRouterOutputs<AppRouter>;

export type Session = Outputs['sessions']['get'];
/** A fact of a session's log; `type` says which `data` it has. */
export type Event = Outputs['events']['list']['events'][number];
