import { procedure, router } from './procedure/procedure.ts';
import { asJson, ChangeSettingInput, ServerSetting, ServerSettings, SettingKeyInput } from './views/settings.ts';

/** The settings that administrators change in the running server. Variables and corral.yaml precede what is stored. */
export const settingsRouter = router({
  list: procedure
    .output(ServerSettings)
    .query(async ({ ctx }) => ({ settings: (await ctx.services.settings.list()).map(asJson) })),

  /** Stores the value, which counts at once. */
  change: procedure
    .input(ChangeSettingInput)
    .output(ServerSetting)
    .mutation(async ({ ctx, input: { key, value } }) => asJson(await ctx.services.settings.change(key, value))),

  /** Forgets the stored value. */
  reset: procedure
    .input(SettingKeyInput)
    .output(ServerSetting)
    .mutation(async ({ ctx, input }) => asJson(await ctx.services.settings.reset(input.key))),
});
