import { z } from 'zod';
import { at, json, key, route, sid, time, uuid } from './shared.ts';

const object = z.record(z.string(), z.unknown());
const ActionReply = z.object({
  id: z.string(),
  chat_session_id: z.string(),
  message_id: z.string().nullable(),
  action_type: z.string(),
  action_input: object,
  action_output: z.object({ success: z.boolean(), result: z.string(), exit_code: z.int().optional() }).nullable(),
  status: z.enum(['pending', 'success', 'error']),
  action_metadata: object,
  created_at: time,
});
const MessageReply = z.object({
  id: z.string(),
  chat_session_id: z.string(),
  role: z.enum(['user', 'assistant', 'system']),
  content: z.string(),
  message_metadata: object,
  created_at: time,
  agent_actions: z.array(ActionReply),
});
const BlockReply = z.object({
  id: z.string(),
  chat_session_id: z.string(),
  sequence_number: z.int(),
  block_type: z.enum(['user_text', 'assistant_text', 'tool_call', 'tool_result']),
  author: z.enum(['user', 'assistant', 'tool']),
  content: object,
  parent_block_id: z.string().nullable(),
  block_metadata: object,
  created_at: time,
  updated_at: time,
});
const message = {
  id: uuid,
  chat_session_id: sid,
  role: 'user',
  content: 'Say hi\n```sh\necho hi\n```',
  message_metadata: {},
  created_at: at,
  agent_actions: [],
};

const action = {
  id: uuid,
  chat_session_id: sid,
  message_id: uuid,
  action_type: 'bash',
  action_input: { command: 'echo hi' },
  action_output: { success: true, result: 'hi\n', exit_code: 0 },
  status: 'success',
  action_metadata: {},
  created_at: at,
};
const block = {
  id: uuid,
  chat_session_id: sid,
  sequence_number: 1,
  block_type: 'user_text',
  author: 'user',
  content: { text: message.content },
  parent_block_id: null,
  block_metadata: {},
  created_at: at,
  updated_at: at,
};

export const listMessages = route({
  id: 'ListMessages',
  summary: 'List the messages of a chat session, oldest first',
  responses: {
    200: json('Messages', z.object({ messages: z.array(MessageReply), total: z.int() }), {
      messages: [message],
      total: 1,
    }),
  },
  fails: [404, 422],
  more: {
    description: 'The text of one run is one message. Without `skip` and `limit`: the newest 500.',
  },
});
export const createMessage = route({
  id: 'CreateMessage',
  summary: 'Send a message',
  responses: { 201: json('The stored message; the streams carry the events that it starts', MessageReply, message) },
  fails: [404, 409, 413, 422],
  more: { headers: key, bodyExample: { content: message.content } },
});
export const listBlocks = route({
  id: 'ListBlocks',
  summary: 'List the blocks of a conversation',
  responses: {
    200: json('Blocks', z.object({ blocks: z.array(BlockReply), total: z.int() }), { blocks: [block], total: 1 }),
  },
  fails: [404, 422],
  more: {
    description: 'An active run shows only the messages of its users. Without `skip` and `limit`: the newest 500.',
  },
});
export const getBlock = route({
  id: 'GetBlock',
  summary: 'Get a block of a conversation',
  responses: { 200: json('The block', BlockReply, block) },
  fails: [404],
});
export const listActions = route({
  id: 'ListAgentActions',
  summary: 'List the actions of the agent, oldest first',
  responses: {
    200: json('Actions', z.object({ agent_actions: z.array(ActionReply), total: z.int() }), {
      agent_actions: [action],
      total: 1,
    }),
  },
  fails: [404, 422],
});
export const getAction = route({
  id: 'GetAgentAction',
  summary: 'Get an action of the agent',
  responses: { 200: json('The action', ActionReply, action) },
  fails: [404],
});
export const stream = route({
  id: 'Stream',
  summary: 'Follow a chat session, and talk to it',
  responses: {},
  fails: [404],
  more: {
    description:
      'Frames: user_text_block, title_updated, start (resuming_stream for a client that joins a run), chunk, action, observation, end, error, resync. Accepts ' +
      '{type: "message", content, mode?}, {type: "cancel"} (or "stop"), {type: "ping"}.',
  },
});
