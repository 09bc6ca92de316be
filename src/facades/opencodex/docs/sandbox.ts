import { z } from 'zod';
import { json, key, route, sid } from './shared.ts';

const Said = z.object({ message: z.string() });
const Started = z.object({ message: z.string(), container_id: z.string() });
const container_id = `sbx-${sid}`;

export const start = route({
  id: 'StartSandbox',
  summary: 'Start the sandbox of a chat session',
  responses: {
    200: json('It ran already', Started, { message: 'Sandbox is already running', container_id }),
    201: json('It was started', Started, { message: 'Sandbox started successfully', container_id }),
  },
  fails: [404],
});
export const stop = route({
  id: 'StopSandbox',
  summary: 'Stop the sandbox: ends its processes and keeps its files',
  responses: { 200: json('Done', Said, { message: 'Sandbox stopped successfully' }) },
  fails: [404],
});
export const reset = route({
  id: 'ResetSandbox',
  summary: 'Empty the workspace and begin with a fresh sandbox',
  responses: { 200: json('Done', Said, { message: 'Sandbox reset successfully' }) },
  fails: [404],
});
export const execute = route({
  id: 'Execute',
  summary: 'Run a command in the sandbox',
  responses: {
    200: json('The result of the command', z.object({ exit_code: z.int(), stdout: z.string(), stderr: z.string() }), {
      exit_code: 0,
      stdout: 'hi\n',
      stderr: '',
    }),
  },
  fails: [404, 409, 413, 422],
  more: { headers: key, bodyExample: { command: 'echo hi' } },
});
const Stats = z.object({
  cpu_seconds: z.number().describe('Of processor time, since it was started'),
  memory_bytes: z.number(),
  memory_limit_bytes: z.number().nullable(),
  processes: z.number(),
});
export const status = route({
  id: 'SandboxStatus',
  summary: 'Get the state of the sandbox',
  responses: {
    200: json(
      'Its state',
      z.object({
        running: z.boolean(),
        container_id: z.string().nullable(),
        stats: Stats.nullable(),
      }),
      {
        running: true,
        container_id,
        stats: { cpu_seconds: 12.5, memory_bytes: 73_400_320, memory_limit_bytes: 2_147_483_648, processes: 4 },
      },
    ),
  },
  fails: [404],
});
