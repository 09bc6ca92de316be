import type { SessionId } from '../../core/model/ids.ts';
import type { CredentialService } from './credentials.ts';
import type { DesktopService } from './desktop.ts';
import type { EgressService } from './egress.ts';
import type { FileService } from './files.ts';
import type { ModelService } from './models.ts';
import type { PortService } from './ports.ts';
import type { ProcessService } from './processes.ts';
import type { ProjectService } from './projects.ts';
import type { InsideService } from './sandbox-interior.ts';
import type { SandboxService } from './sandboxes.ts';
import type { SessionService } from './sessions.ts';
import type { ShareService } from './shares.ts';
import type { StreamService } from './streams.ts';
import type { TemplateList } from './templates.ts';
import type { TerminalService } from './terminals.ts';

/**
 * All services that a facade receives. Every method rejects only with AppError, and with session_not_found for an unknown
 * session. Each interface has a file of its own in this folder.
 *
 * @example
 * const record = await services.sessions.get(id);
 * const bytes = await services.files.read(id, 'report.md', signal);
 */
export interface Services {
  readonly sessions: SessionService;
  readonly files: FileService;
  readonly processes: ProcessService;
  readonly sandboxes: SandboxService;
  readonly egress: EgressService;
  readonly sessionCredentials: CredentialService<SessionId>;
  readonly projectCredentials: CredentialService<string>;
  readonly terminals: TerminalService;
  readonly streams: StreamService;
  readonly inside: InsideService;
  readonly ports: PortService;
  readonly desktop: DesktopService;
  readonly projects: ProjectService;
  readonly models: ModelService;
  readonly shares: ShareService;
  readonly templates: TemplateList;
}
