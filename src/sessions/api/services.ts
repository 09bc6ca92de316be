import type { SessionId } from '../../core/model/ids.ts';
import { type CredentialService, credentialRules } from './credentials.ts';
import { type DesktopService, desktopRules } from './desktop.ts';
import { type EgressService, egressRules } from './egress.ts';
import { type FileService, fileRules } from './files.ts';
import { type ModelService, modelRules } from './models.ts';
import { type PortService, portRules } from './ports.ts';
import { type ProcessService, processRules } from './processes.ts';
import { type ProjectService, projectRules } from './projects.ts';
import {
  type CheckpointService,
  checkpointRules,
  type PullRequestService,
  pullRequestRules,
  type RepositoryService,
  repositoryRules,
} from './repositories.ts';
import type { RegisteredService } from './rules.ts';
import { type SandboxHandleService, sandboxHandleRules } from './sandbox-interior.ts';
import { type SandboxService, sandboxRules } from './sandboxes.ts';
import type { AdministrationService } from './server/administration.ts';
import { type AttemptService, attemptRules } from './server/attempts.ts';
import { type AutomationService, automationRules } from './server/automations.ts';
import { type BudgetService, budgetRules } from './server/budgets.ts';
import { type ServerCredentialService, serverCredentialRules } from './server/credentials.ts';
import { type DocumentService, documentRules } from './server/documents.ts';
import { type MemoryService, memoryRules } from './server/memory.ts';
import { type MemoryStoreService, memoryStoreRules } from './server/memory-stores.ts';
import { type SecretService, secretRules } from './server/secrets.ts';
import { type SettingsService, settingsRules } from './server/settings.ts';
import { type SkillService, skillRules } from './server/skills.ts';
import { type SnapshotService, snapshotRules } from './server/snapshots.ts';
import { type TemplateBuildService, templateBuildRules } from './server/template-builds.ts';
import { type TemplateListService, templateRules } from './server/templates.ts';
import { type ToolServerService, toolServerRules } from './server/tool-servers.ts';
import { type VaultService, vaultRules } from './server/vaults.ts';
import { type VolumeService, volumeRules } from './server/volumes.ts';
import type { WebhookService } from './server/webhooks.ts';
import { type WorkQueueService, workQueueRules } from './server/work-queue.ts';
import { type SessionService, sessionRules } from './sessions.ts';
import { type ShareService, shareRules } from './shares.ts';
import { type StreamService, streamRules } from './streams.ts';
import { type TerminalService, terminalRules } from './terminals.ts';
import { type UsageService, usageRules } from './usage.ts';

/**
 * The services that facades receive. Methods reject only with AppError, and with session_not_found for an unknown session.
 * The interfaces, permissions and audit actions are in this folder.
 *
 * @example
 * const record = await services.sessions.get(id);
 * const bytes = await services.files.read(id, 'report.md', signal);
 */
export interface Services {
  readonly sessions: SessionService;
  readonly files: FileService;
  readonly repositories: RepositoryService;
  readonly pullRequests: PullRequestService;
  readonly checkpoints: CheckpointService;
  readonly processes: ProcessService;
  readonly sandboxes: SandboxService;
  readonly egress: EgressService;
  readonly sessionCredentials: CredentialService<SessionId>;
  readonly projectCredentials: CredentialService<string>;
  readonly serverCredentials: ServerCredentialService;
  readonly terminals: TerminalService;
  readonly streams: StreamService;
  readonly inside: SandboxHandleService;
  readonly ports: PortService;
  readonly desktop: DesktopService;
  readonly projects: ProjectService;
  readonly models: ModelService;
  readonly toolServers: ToolServerService;
  readonly attempts: AttemptService;
  readonly automations: AutomationService;
  readonly documents: DocumentService;
  readonly workQueue: WorkQueueService;
  readonly vaults: VaultService;
  readonly memoryStores: MemoryStoreService;
  readonly secrets: SecretService;
  readonly skills: SkillService;
  readonly settings: SettingsService;
  readonly usage: UsageService;
  readonly budgets: BudgetService;
  readonly memory: MemoryService;
  readonly shares: ShareService;
  readonly snapshots: SnapshotService;
  readonly volumes: VolumeService;
  readonly templates: TemplateListService;
  readonly templateBuilds: TemplateBuildService;
}

export interface OperationServices {
  readonly webhooks: WebhookService;
  readonly drain: DrainService;
  readonly administration: AdministrationService;
}

export interface DrainState {
  readonly draining: boolean;
  /** Epoch ms; null: not draining. */
  readonly since: number | null;
  readonly working: number;
}
export interface DrainService {
  state(): DrainState;
  set(draining: boolean): DrainState;
}

/** Enforced by src/sessions/access. */
export const serviceRules: { readonly [Name in keyof Services]: RegisteredService<Services[Name]> } = {
  sessions: { of: 'session', rules: sessionRules },
  files: { of: 'session', rules: fileRules },
  repositories: { of: 'session', rules: repositoryRules },
  pullRequests: { of: 'session', rules: pullRequestRules },
  checkpoints: { of: 'session', rules: checkpointRules },
  processes: { of: 'session', rules: processRules },
  sandboxes: { of: 'session', rules: sandboxRules },
  egress: { of: 'session', rules: egressRules },
  sessionCredentials: { of: 'session', rules: credentialRules },
  projectCredentials: { of: 'project', rules: { ...credentialRules, put: { ...credentialRules.put, may: 'manage' } } },
  serverCredentials: { of: 'session', rules: serverCredentialRules },
  terminals: { of: 'session', rules: terminalRules },
  streams: { of: 'session', rules: streamRules },
  inside: { of: 'session', rules: sandboxHandleRules },
  ports: { of: 'session', rules: portRules },
  desktop: { of: 'session', rules: desktopRules },
  projects: { of: 'project', rules: projectRules },
  models: { of: 'session', rules: modelRules },
  toolServers: { of: 'session', rules: toolServerRules },
  attempts: { of: 'session', rules: attemptRules },
  automations: { of: 'automation', rules: automationRules },
  documents: { of: 'document', rules: documentRules },
  workQueue: { of: 'document', rules: workQueueRules },
  vaults: { of: 'vault', rules: vaultRules },
  memoryStores: { of: 'memoryStore', rules: memoryStoreRules },
  secrets: { of: 'secret', rules: secretRules },
  skills: { of: 'skill', rules: skillRules },
  settings: { of: 'session', rules: settingsRules },
  usage: { of: 'session', rules: usageRules },
  budgets: { of: 'session', rules: budgetRules },
  memory: { of: 'session', rules: memoryRules },
  shares: { of: 'session', rules: shareRules },
  snapshots: { of: 'snapshot', rules: snapshotRules },
  volumes: { of: 'volume', rules: volumeRules },
  templates: { of: 'session', rules: templateRules },
  templateBuilds: { of: 'builtTemplate', rules: templateBuildRules },
};
