import { z } from 'zod';
import { hasRole } from '../../core/model/principal.ts';
import { EffectiveEgress } from '../../sessions/api/egress.ts';
import { procedure, router, sessionProcedure } from '../procedure/procedure.ts';
import { awaitOkResult, OkResult, sessionTarget } from '../procedure/schemas.ts';
import { EgressHosts } from '../views/session-options.ts';

const EgressInForce = EffectiveEgress.extend({
  whyNot: z.string().nullable(),
});
const onlyOperators = (role: string) => `Only operators can do this, and your role is ${role}. Ask an operator.`;
const ofEntry = sessionTarget.extend({ host: z.string().min(1).max(300) });

export const egressRouter = router({
  inForce: sessionProcedure.output(EgressInForce).query(async ({ ctx: { principal, services }, input }) => {
    const found = await services.egress.inForce(input.sessionId);
    const noWay = found.canAllow ? null : `The policy '${found.policy}' gives the sandbox no network access.`;
    return { ...found, whyNot: hasRole(principal, 'operator') ? noWay : onlyOperators(principal.role) };
  }),

  /** Requires the role `operator`. `host` can be `*.host` and can have a `:port`. */
  allow: procedure
    .input(ofEntry)
    .output(OkResult)
    .mutation(({ ctx, input: { sessionId, host } }) => awaitOkResult(ctx.services.egress.allow(sessionId, host))),

  /** `[]`: no hosts. Null: every host in the policy. */
  narrow: procedure
    .input(sessionTarget.extend({ hosts: EgressHosts.nullable() }))
    .output(OkResult)
    .mutation(({ ctx, input: { sessionId, hosts } }) =>
      awaitOkResult(ctx.services.egress.narrow(sessionId, hosts === 'none' ? [] : hosts)),
    ),

  /** Requires the role `operator`. */
  withdraw: procedure
    .input(ofEntry)
    .output(OkResult)
    .mutation(({ ctx, input: { sessionId, host } }) => awaitOkResult(ctx.services.egress.withdraw(sessionId, host))),
});
