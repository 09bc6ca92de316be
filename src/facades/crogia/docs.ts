import { detailFailures as failures, idempotencyHeader as headers } from '../shared/detail-docs.ts';
import type { ResponseDoc, RouteDoc } from '../shared/routes.ts';
import * as reply from './schemas.ts';

const sid = '5f2a0c9be41d7733';
const at = '2024-01-15T10:30:00.000Z';
const session = {
  session_id: sid,
  container_id: `sbx-${sid}`,
  workdir: '/workspace',
  created: at,
  last_task: 'Create a Flask web application',
  status: 'active',
  container_status: 'running',
};
const terminal = { shell_id: 'shell_0a1b2c3d', session_id: sid, created: at, status: 'active' };

type Rest = Partial<RouteDoc> & {
  readonly fails?: readonly number[];
  /** Another resource that may be missing, next to the session. */
  readonly missing?: string;
};
const doc = (
  operationId: string,
  summary: string,
  ok: ResponseDoc,
  { fails = [404], missing, ...rest }: Rest = {},
): RouteDoc => ({
  operationId: `crogia${operationId}`,
  tag: 'Crogia',
  summary,
  ...rest,
  responses: { 200: ok, ...failures(...fails), ...(missing && { 404: reply.missing(missing) }) },
});
const said = (message: string) => reply.reply(reply.MessageReply, { message });

export const health = doc(
  'Health',
  'Report whether sandboxes can start; always 200',
  reply.reply(reply.HealthReply, {
    status: 'healthy',
    timestamp: at,
    active_sessions: 2,
    docker_available: true,
    sandbox_driver: 'docker',
  }),
  { fails: [] },
);
export const listSessions = doc(
  'ListSessions',
  'List all sessions, the newest first',
  reply.reply(reply.SessionInfo.array(), [session]),
  { fails: [] },
);
export const createSession = doc(
  'CreateSession',
  'Create a session and its sandbox',
  reply.reply(reply.SessionInfo, session),
  {
    description: 'The task is only stored as `last_task`: post it to `/tasks` to run it.',
    headers,
    bodyExample: { task: session.last_task },
    fails: [400, 409, 422],
  },
);
export const getSession = doc('GetSession', 'Get a session', reply.reply(reply.SessionInfo, session));
export const deleteSession = doc(
  'DeleteSession',
  'Delete a session, its sandbox and its files',
  said(`Session ${sid} deleted successfully`),
);
export const sendTask = doc(
  'SendTask',
  'Run a task in a session',
  reply.reply(reply.TaskReply, {
    message: `Task started in session ${sid}`,
    task: 'Add user authentication',
    run_id: '6c1f8d0e-0f4a-4c8e-9d8e-0e3f0c7b1a2d',
  }),
  {
    description:
      'Answers at once; the events follow on `/ws/{sid}`. A task sent while the agent waits answers its question.',
    headers,
    bodyExample: { task: 'Add user authentication' },
    fails: [400, 404, 409, 422],
  },
);
export const conversation = doc(
  'Conversation',
  'List the messages of a session',
  reply.reply(reply.ConversationReply, {
    session_id: sid,
    messages: [{ type: 'human', content: 'Say hi', id: '6c1f8d0e-0f4a-4c8e-9d8e-0e3f0c7b1a2d' }],
    last_task: 'Say hi',
    total_messages: 1,
  }),
);
export const fullConversation = doc(
  'FullConversation',
  'List the messages, tool calls and outputs of a session',
  reply.reply(reply.FullReply, {
    session_id: sid,
    conversation_history: [
      { role: 'user', content: 'Say hi' },
      { type: 'function_call', name: 'run_shell', arguments: '{"cmd":"echo hi"}', call_id: 'call_1' },
      { type: 'function_call_output', call_id: 'call_1', output: 'hi\n' },
    ],
    last_task: 'Say hi',
    total_items: 3,
  }),
);

export const listProcesses = doc(
  'ListProcesses',
  'List the processes of a session',
  reply.reply(reply.ProcessReply.array(), [
    { pid: 1234, cmd: 'python app.py', status: 'running', log: '.agent_logs/0a1b2c3d.log', started: at },
  ]),
);
export const stopProcess = doc(
  'StopProcess',
  'Send SIGTERM to a process and its children',
  said('Sent SIGTERM to process 1234'),
  { fails: [404, 422], missing: 'Process not found' },
);
export const processLogs = doc(
  'ProcessLogs',
  'The last lines that a background process printed',
  reply.reply(reply.LogsReply, { logs: ' * Running on port 5000\n', pid: 1234 }),
  { fails: [404, 422], missing: 'Process not found' },
);

const path = 'app.py';
export const listFiles = doc(
  'ListFiles',
  'List a folder of the workspace: folders first, then files',
  reply.reply(reply.ListReply, { path: '.', items: [{ name: path, type: 'file', size: 1024, modified: at }] }),
  { fails: [400, 404, 422], missing: 'Directory not found' },
);
export const readFile = doc(
  'ReadFile',
  'Read a file of the workspace',
  reply.reply(reply.ContentReply, { path, content: 'print("hi")\n' }),
  { fails: [400, 404, 422], missing: 'File not found' },
);
export const writeFile = doc(
  'WriteFile',
  'Write a file of the workspace; creates missing folders',
  said(`File ${path} written successfully`),
  { headers, bodyExample: { path, content: 'print("hi")\n' }, fails: [400, 404, 409, 422] },
);
export const findFiles = doc(
  'FindFiles',
  'Find files by a glob on their name, or on their path where it has a slash',
  reply.reply(reply.FindReply, { pattern: '*.py', path: '.', matches: [path] }),
  {
    bodyExample: { pattern: '*.py', path: '.', file_types: '*' },
    fails: [400, 404, 422],
    missing: 'Directory not found',
  },
);
export const grepFiles = doc(
  'GrepFiles',
  'Find lines by a POSIX extended regular expression',
  reply.reply(reply.GrepReply, {
    pattern: 'Flask',
    path: '.',
    matches: [{ file: path, line: 1, content: 'from flask import Flask' }],
  }),
  {
    bodyExample: { pattern: 'Flask', path: '.', file_types: '*.py,*.md' },
    fails: [400, 404, 422],
    missing: 'Directory not found',
  },
);

export const shell = doc(
  'Shell',
  'Run a command in the sandbox',
  reply.reply(reply.ShellReply, {
    command: 'ls',
    output: 'app.py\n',
    timestamp: at,
    exit_code: 0,
    timed_out: false,
  }),
  {
    description: 'A command that fails is still 200; `exit_code` says so. In the background it answers at once.',
    headers,
    bodyExample: { cmd: 'ls' },
    fails: [400, 404, 409, 422],
  },
);
export const openShell = doc('OpenShell', 'Open a terminal', reply.reply(reply.TerminalReply, terminal), {
  description: 'At most 16 per session. Connect on `/ws/shells/{shell_id}`; the terminal outlives its socket.',
  headers,
  fails: [404, 409],
});
export const listShells = doc(
  'ListShells',
  'List the terminals of a session',
  reply.reply(reply.TerminalsReply, { shells: [terminal] }),
);
export const closeShell = doc(
  'CloseShell',
  'Close a terminal',
  said(`Shell session ${terminal.shell_id} deleted successfully`),
  { missing: 'Shell session not found' },
);
export const shellSocket: RouteDoc = {
  operationId: 'crogiaShellSocket',
  tag: 'Crogia',
  summary: 'A terminal',
  description: [
    'The server sends `shell_connected`, then `shell_output` with `data`; the client sends `shell_input` with `data` and',
    '`shell_resize` with `cols` and `rows`. A terminal has one socket: a new one replaces the old one. Closes with 1000 when the',
    'shell exits, is deleted or taken over, 1008 when there is none, 4410 when the session is deleted.',
  ].join(' '),
  responses: failures(426),
};
