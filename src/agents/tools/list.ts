import { browserTools } from './browser.ts';
import { codeDescription } from './code.ts';
import { claudeComputer, computerToolFor } from './computer/claude.ts';
import { geminiComputer } from './computer/gemini.ts';
import type { Size } from './computer/screen.ts';
import { delegateTools } from './delegation/delegate.ts';
import { fileFindByName, fileFindInContent, fileRead, fileReplace, fileWrite } from './file.ts';
import { fileEdit } from './file-edit.ts';
import { memoryTools } from './memory/memory.ts';
import { notifyUser } from './message.ts';
import { openPullRequest } from './pull-request.ts';
import { shellExec, shellKill, shellView, shellWait, shellWrite } from './shell.ts';
import { skillRead } from './skills/skill.ts';
import { askUser, recall } from './special.ts';
import { todo } from './todo.ts';
import type { Tool, ToolDescription } from './tool.ts';
import { webFetchDescription } from './web/fetch.ts';
import { webSearchDescription } from './web/search.ts';

/** In the order in which models see them. A new tool needs a line here. */
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
  openPullRequest,
  skillRead,
  ...memoryTools,
  ...delegateTools,
  notifyUser,
  todo,
  ...browserTools,
];

export type ComputerProvider = 'off' | 'claude' | 'gemini';
export const computerTools: Readonly<Record<ComputerProvider, readonly Tool[]>> = {
  off: [],
  claude: [claudeComputer],
  gemini: geminiComputer,
};

export const computerToolsFor = (shape: ComputerProvider, desktop: Size): readonly Tool[] =>
  shape === 'claude' ? [computerToolFor(desktop)] : computerTools[shape];

/** Every tool that a log can name, including those that the agent loop answers itself. */
export const toolDescriptions: readonly ToolDescription[] = [
  ...builtInTools,
  codeDescription,
  webSearchDescription,
  webFetchDescription,
  ...Object.values(computerTools).flat(),
  askUser,
  recall,
];
