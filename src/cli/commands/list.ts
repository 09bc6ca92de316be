import type { CliCommand } from '../command.ts';
import derived from '../derived.json' with { type: 'json' };
import { type CustomVerbs, createResourceCommand, type DerivedCommand } from '../derived.ts';
import { attachCommand } from './attach.ts';
import { attemptsCommand } from './attempts.ts';
import { boxCommand } from './box.ts';
import { chatCommand } from './chat.ts';
import { cpCommand } from './cp.ts';
import { execCommand } from './exec.ts';
import { adoptCommand, forkCommand } from './fork.ts';
import { openCommand, portCommand, vncCommand } from './links.ts';
import { logsCommand, psCommand } from './logs.ts';
import { mcpCommand } from './mcp.ts';
import { desktopCommand, pauseCommand, resumeCommand } from './pause.ts';
import { prebuildCommand } from './prebuild.ts';
import { runCommand } from './run.ts';
import { customAutomationVerbs } from './server/automations.ts';
import { drainCommand, undrainCommand } from './server/drain.ts';
import { loginCommand, logoutCommand } from './server/login.ts';
import { customMemoryVerbs } from './server/memory.ts';
import { customSecretVerbs } from './server/secrets.ts';
import { customSkillVerbs } from './server/skills.ts';
import { customTemplateVerbs } from './server/templates.ts';
import { usageCommand } from './server/usage.ts';
import { customSnapshotVerbs, customVolumeVerbs } from './server/volumes.ts';
import { workerCommand } from './server/worker.ts';
import { lsCommand, rmCommand, showCommand, stopCommand } from './sessions.ts';
import { checkCommand, commitCommand, patchCommand, pullRequestCommand, pushCommand } from './ship.ts';

export function createClientCommands(resources: readonly DerivedCommand[]): CliCommand[] {
  const byHand: Readonly<Record<string, CustomVerbs>> = {
    snapshot: customSnapshotVerbs,
    volume: customVolumeVerbs,
    template: customTemplateVerbs,
    automation: customAutomationVerbs,
    skill: customSkillVerbs,
    memory: customMemoryVerbs,
    secret: customSecretVerbs,
  };
  return [
    ...[runCommand, chatCommand, boxCommand, lsCommand, showCommand, logsCommand, psCommand],
    ...[execCommand, attachCommand, cpCommand, stopCommand, rmCommand],
    ...[prebuildCommand, checkCommand, commitCommand, pushCommand, pullRequestCommand, patchCommand],
    ...[openCommand, portCommand, desktopCommand, vncCommand, forkCommand, adoptCommand, attemptsCommand, pauseCommand],
    ...[resumeCommand, mcpCommand, workerCommand, usageCommand, drainCommand, undrainCommand],
    ...[loginCommand, logoutCommand],
    ...resources.map((one) => createResourceCommand(one, byHand[one.name])),
  ];
}
export const clientCommands = createClientCommands(derived as unknown as readonly DerivedCommand[]);
