import { z } from 'zod';
import { describeTool } from './tool.ts';

// The agent loop answers calls to these tools itself.

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

export const makePlanTool = {
  name: 'make_plan',
  description: 'Set the steps that are still to do. Steps that were begun stay as they are.',
  parameters: z.toJSONSchema(MakePlanArgs, { io: 'input' }),
} as const;

export const askUserTool = describeTool({
  name: 'message_ask_user',
  family: 'message',
  group: 'always',
  label: 'Ask',
  needs: [],
  description: 'Ask the user something you cannot find out yourself, and wait for the answer.',
  parameters: AskUserArgs,
  orderKey: () => 'question',
});

export const RecallArgs = z.object({
  call_id: z.string().min(1).optional().describe('the call whose result to read'),
  query: z.string().min(1).optional().describe('words to look for in the whole conversation, when no call is known'),
  from: z.int().min(0).default(0).describe('characters, or hits, to skip'),
});

export const recallTool = describeTool({
  name: 'recall',
  family: 'message',
  group: 'always',
  label: 'Look up earlier result',
  needs: [],
  description:
    'Read what was left out of this conversation to save room: a result by its call_id, or what contains a text.',
  parameters: RecallArgs,
  orderKey: () => null,
});
