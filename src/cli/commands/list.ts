import type { CliCommand } from '../command.ts';
import { attachCommand } from './attach.ts';
import { attemptsCommand } from './attempts.ts';
import { boxCommand } from './box.ts';
import { chatCommand } from './chat.ts';
import { cpCommand } from './cp.ts';
import { desktopCommand } from './desktop.ts';
import { execCommand } from './exec.ts';
import { forkCommand } from './fork.ts';
import { openCommand, vncCommand } from './links.ts';
import { logsCommand } from './logs.ts';
import { mcpCommand } from './mcp.ts';
import { pauseCommand, resumeCommand } from './pause.ts';
import { portCommand } from './port.ts';
import { prebuildCommand } from './prebuild.ts';
import { psCommand } from './processes.ts';
import { runCommand } from './run.ts';
import { automationCommand } from './server/automations.ts';
import { budgetCommand } from './server/budgets.ts';
import { memoryCommand } from './server/memory.ts';
import { secretCommand } from './server/secrets.ts';
import { skillCommand } from './server/skills.ts';
import { templateCommand } from './server/templates.ts';
import { usageCommand } from './server/usage.ts';
import { volumeCommand } from './server/volumes.ts';
import { webhookCommand } from './server/webhooks.ts';
import { workerCommand } from './server/worker.ts';
import { lsCommand, rmCommand, showCommand, stopCommand } from './sessions.ts';
import { checkCommand, commitCommand, patchCommand, pullRequestCommand, pushCommand } from './ship.ts';
import { snapshotCommand } from './snapshot.ts';

/** The commands that call a running server, in the order of the help. A new command needs a line here. */
export const clientCommands: readonly CliCommand[] = [
  ...[
    runCommand,
    chatCommand,
    boxCommand,
    lsCommand,
    showCommand,
    logsCommand,
    psCommand,
    execCommand,
    attachCommand,
    cpCommand,
  ],
  ...[prebuildCommand, checkCommand, commitCommand, pushCommand, pullRequestCommand, patchCommand],
  ...[openCommand, portCommand, desktopCommand, vncCommand, forkCommand, attemptsCommand, pauseCommand, resumeCommand],
  ...[snapshotCommand, volumeCommand, templateCommand, stopCommand, rmCommand, mcpCommand],
  ...[
    automationCommand,
    webhookCommand,
    skillCommand,
    memoryCommand,
    secretCommand,
    workerCommand,
    usageCommand,
    budgetCommand,
  ],
];
