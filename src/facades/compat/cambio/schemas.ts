import { z } from 'zod';

// Only this folder uses snake_case names, because the wire does.

export const Params = z.object({ sid: z.string().describe('the session') });

export const NewSession = z.object({
  template: z.string().optional().describe('the template of the agent; GET /api/v1/templates lists them'),
});

export const Session = z.object({
  id: z.string(),
  container_id: z.string().nullable(),
  vnc_port: z.int().nullable(),
  status: z.enum(['active', 'inactive', 'error']),
  created_at: z.iso.datetime(),
  session_id: z.string(),
  vnc_url: z.string(),
});
export type Session = z.output<typeof Session>;

export const Ended = z.object({ message: z.string(), id: z.string(), status: z.literal('inactive') });

export const Message = z.object({
  id: z.uuid(),
  session_id: z.string(),
  role: z.enum(['user', 'assistant']),
  content: z.string(),
  timestamp: z.iso.datetime(),
  metadata: z.object({ run_id: z.uuid().nullable(), seq: z.int() }),
});
export type Message = z.output<typeof Message>;

const sid = '5f2a0c9be41d7733';
const at = '2024-01-15T10:30:00.000Z';
export const examples = {
  session: {
    id: sid,
    container_id: `sbx-${sid}`,
    vnc_port: null,
    status: 'active',
    created_at: at,
    session_id: sid,
    vnc_url: `/api/v1/sessions/${sid}/vnc`,
  } satisfies Session,
  ended: { message: `Session ${sid} ended`, id: sid, status: 'inactive' } satisfies z.output<typeof Ended>,
  message: {
    id: '6c1f8d0e-0f4a-4c8e-9d8e-0e3f0c7b1a2d',
    session_id: sid,
    role: 'user',
    content: 'Say hi',
    timestamp: at,
    metadata: { run_id: '2d3f8d0e-0f4a-4c8e-9d8e-0e3f0c7b1a2d', seq: 2 },
  } satisfies Message,
};
