import { z } from 'zod';
import { neverFires } from '../core/concurrency/cancel.ts';
import { procedure, router } from './procedure/procedure.ts';
import { Done, done } from './procedure/schemas.ts';
import {
  BeginSignInTo,
  ChangeToolServer,
  EndSignInTo,
  enteredAddress,
  enteredChanges,
  PutToolServer,
  SignInAddress,
  shownAnswer,
  shownToolServer,
  TestToolServer,
  ToolServer,
  ToolServerAnswer,
  ToolServerName,
  ToolServers,
  testedAddress,
} from './views/tool-servers.ts';

/** The tool servers (MCP) of all sessions, for administrators. Those of the settings are listed, and stay. */
export const toolServersRouter = router({
  list: procedure
    .input(z.strictObject({}).optional())
    .output(ToolServers)
    .query(async ({ ctx }) => ({ servers: (await ctx.services.toolServers.list()).map(shownToolServer) })),

  /** Replaces the one of that name, and asks it for its tools. It is stored whether or not it answers. */
  put: procedure
    .input(PutToolServer)
    .output(ToolServer)
    .mutation(async ({ ctx, input: { name, ...given }, signal = neverFires }) =>
      shownToolServer(await ctx.services.toolServers.put(name, enteredAddress(given), signal)),
    ),

  /** Changes one that was entered, and asks it for its tools. Absent fields stay as they are. */
  change: procedure
    .input(ChangeToolServer)
    .output(ToolServer)
    .mutation(async ({ ctx, input: { name, ...changes }, signal = neverFires }) =>
      shownToolServer(await ctx.services.toolServers.change(name, enteredChanges(changes), signal)),
    ),

  /** Asks a tool server for its tools. Stores nothing. */
  test: procedure
    .input(TestToolServer)
    .output(ToolServerAnswer)
    .mutation(async ({ ctx, input: { name, ...given }, signal = neverFires }) =>
      shownAnswer(await ctx.services.toolServers.test(name, testedAddress(given), signal)),
    ),

  remove: procedure
    .input(ToolServerName)
    .output(Done)
    .mutation(async ({ ctx, input }) => {
      await ctx.services.toolServers.remove(input.name);
      return done;
    }),

  /** Begins a sign-in (OAuth): the person opens the address in a browser, which comes back with a code. */
  beginSignIn: procedure
    .input(BeginSignInTo)
    .output(SignInAddress)
    .mutation(async ({ ctx, input: { name, returnTo }, signal = neverFires }) => ({
      address: await ctx.services.toolServers.beginSignIn(name, returnTo, signal),
    })),

  /** Takes the code that the browser brought back. */
  endSignIn: procedure
    .input(EndSignInTo)
    .output(ToolServer)
    .mutation(async ({ ctx, input: { name, ...answer }, signal = neverFires }) =>
      shownToolServer(await ctx.services.toolServers.endSignIn(name, answer, signal)),
    ),

  signOut: procedure
    .input(ToolServerName)
    .output(ToolServer)
    .mutation(async ({ ctx, input }) => shownToolServer(await ctx.services.toolServers.signOut(input.name))),
});
