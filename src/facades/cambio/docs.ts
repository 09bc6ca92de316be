import { z } from 'zod';
import { detailFailures as failures, idempotencyHeader } from '../shared/detail-docs.ts';
import type { ResponseDoc, RouteDoc } from '../shared/routes.ts';

const sid = '5f2a0c9be41d7733';
const at = '2024-01-15T10:30:00.000Z';
const Session = z.object({
  id: z.string(),
  container_id: z.string().nullable(),
  vnc_port: z.int().nullable(),
  status: z.enum(['active', 'inactive', 'error']),
  created_at: z.iso.datetime(),
  session_id: z.string(),
  vnc_url: z.string(),
});
const session = {
  id: sid,
  container_id: `sbx-${sid}`,
  vnc_port: null,
  status: 'active',
  created_at: at,
  session_id: sid,
  vnc_url: `/api/v1/sessions/${sid}/vnc`,
};
const Message = z.object({
  id: z.uuid(),
  session_id: z.string(),
  role: z.enum(['user', 'assistant']),
  content: z.string(),
  timestamp: z.iso.datetime(),
  metadata: z.object({ run_id: z.uuid().nullable(), seq: z.int() }),
});
const message = {
  id: '6c1f8d0e-0f4a-4c8e-9d8e-0e3f0c7b1a2d',
  session_id: sid,
  role: 'user',
  content: 'Say hi',
  timestamp: at,
  metadata: { run_id: '2d3f8d0e-0f4a-4c8e-9d8e-0e3f0c7b1a2d', seq: 2 },
};
const Ended = z.object({ message: z.string(), id: z.string(), status: z.literal('inactive') });

const reply = (schema: z.ZodType, example: unknown): ResponseDoc => ({
  description: 'Success',
  content: { 'application/json': { schema, example } },
});
const tag = 'CambioML';

export const createSession: RouteDoc = {
  operationId: 'cambioCreateSession',
  tag,
  summary: 'Create a session and its sandbox',
  headers: idempotencyHeader,
  bodyExample: {},
  responses: { 200: reply(Session, session), ...failures(400, 409, 422) },
};
export const listSessions: RouteDoc = {
  operationId: 'cambioListSessions',
  tag,
  summary: 'List all sessions, the newest first',
  responses: { 200: reply(Session.array(), [session]), ...failures() },
};
export const getSession: RouteDoc = {
  operationId: 'cambioGetSession',
  tag,
  summary: 'Get a session',
  responses: { 200: reply(Session, session), ...failures(404) },
};
export const deleteSession: RouteDoc = {
  operationId: 'cambioDeleteSession',
  tag,
  summary: 'Delete a session with its sandbox, files and history',
  responses: {
    200: reply(Ended, { message: `Session ${sid} ended`, id: sid, status: 'inactive' }),
    ...failures(404),
  },
};
export const history: RouteDoc = {
  operationId: 'cambioHistory',
  tag,
  summary: 'List the messages of a session, oldest first',
  responses: { 200: reply(Message.array(), [message]), ...failures(404) },
};
