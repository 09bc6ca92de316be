import type { Listening, Work } from './corral-calls.ts';
import type { Call } from './line.ts';

// The same session, read in each dialect, with the service calls that each dialect makes for it. SheikhBox always reads
// a session with its history, Crogia with its sandbox. Workspace knows no sessions, so it runs a command that does
// nothing.

export interface DialectCall {
  readonly work: Work;
  readonly of: (listening: Listening) => Call;
}
const http =
  (path: (session: string) => string) =>
  ({ url, session }: Listening): Call => ({ over: 'http', url: `${url}${path(session)}`, holds: session });

export const dialectCalls = {
  'trpc-http': {
    work: 'get',
    of: http((id) => `/trpc/sessions.get?input=${encodeURIComponent(JSON.stringify({ id }))}`),
  },
  'trpc-ws': {
    work: 'get',
    of: ({ url, session }) => ({
      ...{ over: 'ws', url: `${url}/trpc`, holds: session },
      frame: { id: 1, method: 'query', params: { path: 'sessions.get', input: { id: session } } },
    }),
  },
  cambioml: { work: 'get', of: http((id) => `/sessions/${id}`) },
  opencodex: { work: 'get', of: http((id) => `/api/v1/chats/${id}`) },
  crogia: { work: 'get, sandbox', of: http((id) => `/api/sessions/${id}`) },
  sheikhbox: { work: 'get, history', of: http((id) => `/api/v1/sessions/${id}`) },
  workspace: {
    work: 'nothing',
    of: ({ url }) => ({
      ...{ over: 'ws', url: `${url}/ws?user_id=bench`, holds: 'pong', isGreeted: true },
      frame: { type: 'ping' },
    }),
  },
} as const satisfies Record<string, DialectCall>;

export type DialectName = keyof typeof dialectCalls;
