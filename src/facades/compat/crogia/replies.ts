import { z } from 'zod';
import { okReply } from '../../../http/routes/route-docs.ts';

const iso = z.iso.datetime();
const sid = '5f2a0c9be41d7733';
const at = '2024-01-15T10:30:00.000Z';
const uuid = '6c1f8d0e-0f4a-4c8e-9d8e-0e3f0c7b1a2d';

const SessionInfo = z.object({
  session_id: z.string(),
  container_id: z.string(),
  workdir: z.string(),
  created: iso,
  last_task: z.string(),
  status: z.literal('active'),
  container_status: z.enum(['created', 'running', 'stopped', 'not_found']),
});
export type SessionInfo = z.output<typeof SessionInfo>;
const session: SessionInfo = {
  session_id: sid,
  container_id: `sbx-${sid}`,
  workdir: '/workspace',
  created: at,
  last_task: 'Create a Flask web application',
  status: 'active',
  container_status: 'running',
};
export const sessionReply = okReply(SessionInfo, session);
export const sessionsReply = okReply(SessionInfo.array(), [session]);

export const healthReply = okReply(
  z.object({
    status: z.enum(['healthy', 'unhealthy']),
    timestamp: iso,
    active_sessions: z.int(),
    docker_available: z.boolean(),
    sandbox_driver: z.string(),
    error: z.string().optional(),
  }),
  { status: 'healthy', timestamp: at, active_sessions: 2, docker_available: true, sandbox_driver: 'docker' },
);

const Message = z.object({ message: z.string() });
export const createMessageReply = (message: string) => okReply(Message, { message });
export const deletedSessionReply = createMessageReply(`Session ${sid} deleted successfully`);
export const taskReply = okReply(Message.extend({ task: z.string(), run_id: z.string() }), {
  message: `Task started in session ${sid}`,
  task: 'Add user authentication',
  run_id: uuid,
});

const Turn = z.object({ type: z.enum(['human', 'ai']), content: z.string(), id: z.string() });
export type HistoryMessage = z.output<typeof Turn>;
export const conversationReply = okReply(
  z.object({
    session_id: z.string(),
    messages: z.array(Turn),
    last_task: z.string(),
    total_messages: z.int(),
  }),
  {
    session_id: sid,
    messages: [{ type: 'human', content: 'Say hi', id: uuid }],
    last_task: 'Say hi',
    total_messages: 1,
  },
);
const Item = z.union([
  z.object({ role: z.literal('user'), content: z.string() }),
  z.object({
    role: z.literal('assistant'),
    content: z.array(z.object({ type: z.literal('output_text'), text: z.string() })),
  }),
  z.object({ type: z.literal('function_call'), name: z.string(), arguments: z.string(), call_id: z.string() }),
  z.object({ type: z.literal('function_call_output'), call_id: z.string(), output: z.string() }),
]);
export type HistoryItem = z.output<typeof Item>;
export const fullConversationReply = okReply(
  z.object({
    session_id: z.string(),
    conversation_history: z.array(Item),
    last_task: z.string(),
    total_items: z.int(),
  }),
  {
    session_id: sid,
    conversation_history: [
      { role: 'user', content: 'Say hi' },
      { type: 'function_call', name: 'run_shell', arguments: '{"cmd":"echo hi"}', call_id: 'call_1' },
      { type: 'function_call_output', call_id: 'call_1', output: 'hi\n' },
      { role: 'assistant', content: [{ type: 'output_text', text: 'It says hi.' }] },
    ],
    last_task: 'Say hi',
    total_items: 4,
  },
);

const Process = z.object({
  pid: z.int(),
  cmd: z.string(),
  status: z.enum(['running', 'stopped', 'exited']),
  log: z.string(),
  started: iso,
});
export const processesReply = okReply(Process.array(), [
  { pid: 1234, cmd: 'python app.py', status: 'running', log: '.agent_logs/0a1b2c3d.log', started: at },
]);
export const stoppedProcessReply = createMessageReply('Sent SIGTERM to process 1234');
export const processLogsReply = okReply(z.object({ logs: z.string(), pid: z.int() }), {
  logs: ' * Running on port 5000\n',
  pid: 1234,
});

const path = 'app.py';
const Entry = z.object({
  name: z.string(),
  type: z.enum(['file', 'directory']),
  size: z.int().nullable(),
  modified: iso,
});
export type FileListEntry = z.output<typeof Entry>;
export const filesReply = okReply(z.object({ path: z.string(), items: z.array(Entry) }), {
  path: '.',
  items: [{ name: path, type: 'file', size: 1024, modified: at }],
});
export const fileContentReply = okReply(z.object({ path: z.string(), content: z.string() }), {
  path,
  content: 'print("hi")\n',
});
export const writtenFileReply = createMessageReply(`File ${path} written successfully`);
const found = { pattern: z.string(), path: z.string(), truncated: z.literal(true).optional() };
export const foundFilesReply = okReply(z.object({ ...found, matches: z.array(z.string()) }), {
  pattern: '*.py',
  path: '.',
  matches: [path],
});
export const foundLinesReply = okReply(
  z.object({ ...found, matches: z.array(z.object({ file: z.string(), line: z.int(), content: z.string() })) }),
  { pattern: 'Flask', path: '.', matches: [{ file: path, line: 1, content: 'from flask import Flask' }] },
);

const Terminal = z.object({
  shell_id: z.string(),
  session_id: z.string(),
  created: iso,
  status: z.literal('active'),
});
export type Terminal = z.output<typeof Terminal>;
const terminal: Terminal = { shell_id: 'shell_0a1b2c3d', session_id: sid, created: at, status: 'active' };
export const terminalReply = okReply(Terminal, terminal);
export const terminalsReply = okReply(z.object({ shells: z.array(Terminal) }), { shells: [terminal] });
export const closedTerminalReply = createMessageReply(`Shell session ${terminal.shell_id} deleted successfully`);

export const commandResultReply = okReply(
  z.object({
    command: z.string(),
    output: z.string(),
    timestamp: iso,
    exit_code: z.int().nullable(),
    timed_out: z.boolean(),
    pid: z.int().optional(),
    log: z.string().optional(),
  }),
  { command: 'ls', output: 'app.py\n', timestamp: at, exit_code: 0, timed_out: false },
);
