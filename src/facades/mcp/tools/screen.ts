import { z } from 'zod';
import { toSessionId } from '../../../api/procedure/session-id.ts';
import { mcpTool, SessionInput } from '../tool.ts';

export const takeScreenshot = mcpTool({
  name: 'take_screenshot',
  title: 'Look at the screen',
  description: "Takes a picture of the sandbox's desktop, where one runs.",
  input: z.strictObject({ session_id: SessionInput }),
  effect: 'reads',
  async run({ session_id }, { services, signal }) {
    const png = await services.desktop.screenshot(toSessionId(session_id), signal);
    return { content: [{ type: 'image', data: png.toString('base64'), mimeType: 'image/png' }] };
  },
});
