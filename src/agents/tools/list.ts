import { browserTools } from './browser.ts';
import { codeToolDescription } from './code.ts';
import { claudeComputerTool, createClaudeComputerTool } from './computer/claude.ts';
import { geminiComputerTools } from './computer/gemini.ts';
import type { Size } from './computer/screen.ts';
import { delegateTools } from './delegation/delegate.ts';
import { fileFindByName, fileFindInContent, fileRead, fileReplace, fileWrite } from './file.ts';
import { fileEdit } from './file-edit.ts';
import { memoryTools } from './memory/memory.ts';
import { notifyUserTool } from './message.ts';
import { openPullRequestTool } from './pull-request.ts';
import { shellExec, shellKill, shellView, shellWait, shellWrite } from './shell.ts';
import { skillRead } from './skills/skill.ts';
import { askUserTool, recallTool } from './special.ts';
import { todoTool } from './todo.ts';
import type { Tool, ToolDescription } from './tool.ts';
import { webFetchToolDescription } from './web/fetch.ts';
import { webSearchToolDescription } from './web/search.ts';

/** In the order shown to models. */
export const builtInTools: readonly Tool[] = [
  shellExec,
  shellView,
  shellWait,
  shellWrite,
  shellKill,
  fileRead,
  fileWrite,
  fileReplace,
  fileEdit,
  fileFindInContent,
  fileFindByName,
  openPullRequestTool,
  skillRead,
  ...memoryTools,
  ...delegateTools,
  notifyUserTool,
  todoTool,
  ...browserTools,
];

export type ComputerToolVariant = 'off' | 'claude' | 'gemini';
export const computerTools: Readonly<Record<ComputerToolVariant, readonly Tool[]>> = {
  off: [],
  claude: [claudeComputerTool],
  gemini: geminiComputerTools,
};

export const createComputerTools = (shape: ComputerToolVariant, desktop: Size): readonly Tool[] =>
  shape === 'claude' ? [createClaudeComputerTool(desktop)] : computerTools[shape];

/** Includes the question and recall tools, whose calls the agent loop answers. */
export const toolDescriptions: readonly ToolDescription[] = [
  ...builtInTools,
  codeToolDescription,
  webSearchToolDescription,
  webFetchToolDescription,
  ...Object.values(computerTools).flat(),
  askUserTool,
  recallTool,
];
