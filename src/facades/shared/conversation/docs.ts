import type { RouteDoc } from '../routes.ts';

export const conversationDoc: RouteDoc = {
  operationId: 'conversationSocket',
  tag: 'Crogia',
  summary: 'A session’s events as they happen, and messages to it; shared with CambioML',
  description: [
    'Text frames of one JSON object; every frame has `type`, `session_id`, `timestamp` and `content`, and `seq` when it',
    'stands for an event. The server sends `connection_established`, `task_started`, `text_delta`, `tool_call`,',
    '`tool_complete`, `task_completed`, `waiting`, `error`, `resync` and `pong`. The client sends `{content}` or',
    '`{type: "message", content, mode?}`, `{type: "stop"}` and `{type: "ping"}`. Without `after_seq` it begins with the',
    'active run, or now. Closes with 1008 for an unknown session or a bad cursor, 4410 when the session is deleted.',
  ].join(' '),
  responses: {
    401: { description: 'Not authenticated' },
    403: { description: 'Refused: Host or origin' },
    426: { description: 'Not a WebSocket' },
    429: { description: 'Too many requests' },
    default: { description: 'Any other failure' },
  },
};
