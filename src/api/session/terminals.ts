import { z } from 'zod';
import type { TerminalInfo } from '../../sessions/api/terminals.ts';
import { procedure, router, sessionProcedure } from '../procedure/procedure.ts';
import { awaitOkResult, OkResult, sessionTarget, toIsoTime } from '../procedure/schemas.ts';

const Terminal = z.object({ id: z.string(), sessionId: z.string(), created: z.iso.datetime() });
const ofTerminal = z.strictObject({ terminalId: z.string().regex(/^shell_[0-9a-f]{8}$/, 'not a terminal') });
const Size = { cols: z.int().min(1).max(1_000), rows: z.int().min(1).max(1_000) };
const view = ({ id, sessionId, created }: TerminalInfo) => ({ id, sessionId, created: toIsoTime(created) });

/** `GET /streams/terminals/{id}` streams a terminal's output. */
export const terminalsRouter = router({
  open: sessionProcedure
    .output(Terminal)
    .mutation(async ({ ctx, input }) => view(await ctx.services.terminals.open(input.sessionId, ctx.signal))),

  /** Oldest first. Does not start a sandbox. */
  list: sessionProcedure
    .output(z.array(Terminal))
    .query(async ({ ctx, input }) => (await ctx.services.terminals.list(input.sessionId)).map(view)),

  write: procedure
    .input(ofTerminal.extend({ text: z.string().min(1).max(262_144) }))
    .output(OkResult)
    .mutation(({ ctx, input: { terminalId, text } }) =>
      awaitOkResult(ctx.services.terminals.write(terminalId, text, ctx.signal)),
    ),

  /** The shell's id is `id` in the tool call's arguments. */
  typeIntoShell: procedure
    .input(sessionTarget.extend({ shellId: z.string().min(1).max(255), text: z.string().min(1).max(65_536) }))
    .output(OkResult)
    .mutation(({ ctx, input: { sessionId, shellId, text } }) =>
      awaitOkResult(ctx.services.terminals.typeIntoShell(sessionId, shellId, text, ctx.signal)),
    ),

  viewShell: procedure
    .input(sessionTarget.extend({ shellId: z.string().min(1).max(255) }))
    .output(z.object({ output: z.string(), isRunning: z.boolean() }))
    .query(async ({ ctx, input: { sessionId, shellId } }) => {
      const { console, running } = await ctx.services.sessions.shell(sessionId, shellId, ctx.signal);
      return { output: console.at(-1)?.output ?? '', isRunning: running !== undefined };
    }),

  resize: procedure
    .input(ofTerminal.extend(Size))
    .output(OkResult)
    .mutation(({ ctx, input: { terminalId, ...size } }) =>
      awaitOkResult(ctx.services.terminals.resize(terminalId, size, ctx.signal)),
    ),

  close: procedure
    .input(ofTerminal)
    .output(OkResult)
    .mutation(({ ctx, input: { terminalId } }) => awaitOkResult(ctx.services.terminals.close(terminalId))),
});
