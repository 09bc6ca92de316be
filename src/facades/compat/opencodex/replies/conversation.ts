import { z } from 'zod';
import { jsonReply } from '../../../../http/routes/route-docs.ts';
import { exampleSid, exampleTime, exampleUuid, isoTimestamp } from './examples.ts';

const object = z.record(z.string(), z.unknown());

const Action = z.object({
  id: z.string(),
  chat_session_id: z.string(),
  message_id: z.string().nullable(),
  action_type: z.string(),
  action_input: object,
  action_output: z.object({ success: z.boolean(), result: z.string(), exit_code: z.int().optional() }).nullable(),
  status: z.enum(['pending', 'success', 'error']),
  action_metadata: object,
  created_at: isoTimestamp,
});
export type Action = z.output<typeof Action>;
const action: Action = {
  id: exampleUuid,
  chat_session_id: exampleSid,
  message_id: exampleUuid,
  action_type: 'bash',
  action_input: { command: 'echo hi' },
  action_output: { success: true, result: 'hi\n', exit_code: 0 },
  status: 'success',
  action_metadata: {},
  created_at: exampleTime,
};
export const actionsReply = jsonReply('Actions', z.object({ agent_actions: z.array(Action), total: z.int() }), {
  agent_actions: [action],
  total: 1,
});
export const actionReply = jsonReply('The action', Action, action);

const Message = z.object({
  id: z.string(),
  chat_session_id: z.string(),
  role: z.enum(['user', 'assistant', 'system']),
  content: z.string(),
  message_metadata: object,
  created_at: isoTimestamp,
  agent_actions: z.array(Action),
});
export type Message = z.output<typeof Message>;
export const exampleText = 'Say hi\n```sh\necho hi\n```';
const message: Message = {
  id: exampleUuid,
  chat_session_id: exampleSid,
  role: 'user',
  content: exampleText,
  message_metadata: {},
  created_at: exampleTime,
  agent_actions: [],
};
export const messagesReply = jsonReply('Messages', z.object({ messages: z.array(Message), total: z.int() }), {
  messages: [message],
  total: 1,
});
export const messageReply = jsonReply(
  'The stored message; the streams carry the events that it starts',
  Message,
  message,
);

const Block = z.object({
  id: z.string(),
  chat_session_id: z.string(),
  sequence_number: z.int(),
  block_type: z.enum(['user_text', 'assistant_text', 'tool_call', 'tool_result']),
  author: z.enum(['user', 'assistant', 'tool']),
  content: object,
  parent_block_id: z.string().nullable(),
  block_metadata: object,
  created_at: isoTimestamp,
  updated_at: isoTimestamp,
});
export type Block = z.output<typeof Block>;
const block: Block = {
  id: exampleUuid,
  chat_session_id: exampleSid,
  sequence_number: 1,
  block_type: 'user_text',
  author: 'user',
  content: { text: exampleText },
  parent_block_id: null,
  block_metadata: {},
  created_at: exampleTime,
  updated_at: exampleTime,
};
export const blocksReply = jsonReply('Blocks', z.object({ blocks: z.array(Block), total: z.int() }), {
  blocks: [block],
  total: 1,
});
export const blockReply = jsonReply('The block', Block, block);
