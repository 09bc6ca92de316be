import type { inferRouterInputs, inferRouterOutputs } from '@trpc/server';
import type { AppRouter } from '../facades/trpc/router.ts';

export type { AppRouter };

/** Each procedure's input and output types, by its name: `Outputs['files']['list']`. */
export type Inputs = inferRouterInputs<AppRouter>;
export type Outputs = inferRouterOutputs<AppRouter>;

export type Session = Outputs['sessions']['get'];
/** A fact of a session's log; `type` says which `data` it has. */
export type Event = Outputs['events']['list']['events'][number];
