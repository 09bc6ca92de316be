import { z } from 'zod';
import { agentPresets } from '../../session/projects/built-in-presets.ts';
import { toolGroups } from '../../tools/tool.ts';
import { procedure, router } from './base.ts';

const Template = z.object({
  id: z.string(),
  name: z.string(),
  description: z.string(),
  environment: z.string(),
  tools: z.array(z.enum(toolGroups)).readonly(),
  /** The instructions to the agent. */
  prompt: z.string(),
});

export const templatesRouter = router({
  /** The agent templates for new projects. */
  list: procedure
    .input(z.strictObject({}).optional())
    .output(z.object({ templates: z.array(Template).readonly() }))
    .query(() => ({ templates: agentPresets })),
});
