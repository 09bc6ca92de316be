import type { inferRouterInputs, inferRouterOutputs } from '@trpc/server';
import type { AppRouter } from '../api/router.ts';

export type { AppRouter };

/** Each procedure's input and output types, by name: `Outputs['files']['list']`. */
export type Inputs = inferRouterInputs<AppRouter>;
export type Outputs = inferRouterOutputs<AppRouter>;

export type SandboxStatus = Outputs['sandbox']['status'];
/** A copy of a box's files that outlives the box. */
export type Snapshot = Outputs['snapshots']['get'];
export type Session = Outputs['sessions']['get'];
/** A fact in a session's log; `type` determines the shape of `data`. */
export type Event = Outputs['events']['list']['events'][number];
