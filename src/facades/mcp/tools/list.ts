import type { McpToolDefinition } from '../tool.ts';
import { runCommandTool, takeScreenshotTool } from './commands.ts';
import { listFilesTool, readFileTool, writeFileTool } from './files.ts';
import { decideApprovalTool, runTaskTool, stopRunTool, watchSessionTool } from './runs.ts';
import { createSessionTool, endSessionTool, getSessionTool, listSessionsTool } from './sessions.ts';

export const mcpTools: readonly McpToolDefinition[] = [
  ...[createSessionTool, listSessionsTool, getSessionTool, endSessionTool],
  ...[runCommandTool, listFilesTool, readFileTool, writeFileTool, takeScreenshotTool],
  ...[runTaskTool, watchSessionTool, decideApprovalTool, stopRunTool],
];
