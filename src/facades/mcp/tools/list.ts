import type { McpTool } from '../tool.ts';
import { runCommand, takeScreenshot } from './commands.ts';
import { listFiles, readFile, writeFile } from './files.ts';
import { decideApproval, runTask, stopRun, watchSession } from './runs.ts';
import { createSession, endSession, getSession, listSessions } from './sessions.ts';

export const mcpTools: readonly McpTool[] = [
  ...[createSession, listSessions, getSession, endSession],
  ...[runCommand, listFiles, readFile, writeFile, takeScreenshot],
  ...[runTask, watchSession, decideApproval, stopRun],
];
