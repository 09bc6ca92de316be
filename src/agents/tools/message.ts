import { z } from 'zod';
import { defineTool } from './tool.ts';

/** The agent loop turns the call into a message. */
export const notifyUserTool = defineTool({
  name: 'message_notify_user',
  family: 'message',
  group: 'always',
  label: 'Message',
  description: 'Tell the user something while you continue working.',
  parameters: z.object({ text: z.string().min(1) }),
  needs: [],
  run: async () => ({ ok: true, output: 'The message was shown to the user.', content: null }),
});
