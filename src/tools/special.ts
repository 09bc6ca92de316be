import { z } from 'zod';

// Two calls that the agent loop answers itself: one gives it the plan, the other makes the run wait.

export const MakePlanArgs = z.object({
  title: z.string().max(200).describe('what this is about, in a few words'),
  steps: z
    .array(z.string().min(1).max(1_000))
    .max(1_000)
    .describe('the steps still to do, in order; usually two to eight, each something you can do with your tools'),
  acknowledgement: z.string().optional().describe('one sentence to the user: what you are about to do'),
});
export type MakePlanArgs = z.infer<typeof MakePlanArgs>;

export const AskUserArgs = z.object({
  text: z.string().min(1).describe('the question, with what the user needs to know to answer it'),
});
export type AskUserArgs = z.infer<typeof AskUserArgs>;

export const makePlan = {
  name: 'make_plan',
  description: 'Set the steps that are still to do. Steps that were begun stay as they are.',
  parameters: z.toJSONSchema(MakePlanArgs, { io: 'input' }),
} as const;

export const askUser = {
  name: 'message_ask_user',
  description: 'Ask the user something you cannot find out yourself, and wait for the answer.',
  parameters: z.toJSONSchema(AskUserArgs, { io: 'input' }),
} as const;
