import type { z } from 'zod';
import type { PreviewLinks } from '../../api/procedure/preview-links.ts';
import type { Peppers } from '../../auth/pepper.ts';
import type { SignInFlow } from '../../auth/sign-in/sign-in.ts';
import type { SignedUrls } from '../../auth/signed-url.ts';
import type { Clock } from '../../core/contracts/clock.ts';
import type { SessionId } from '../../core/model/ids.ts';
import type { Principal } from '../../core/model/principal.ts';
import type { CallerContext } from '../../http/guard/caller-context.ts';
import type { ClientResolver } from '../../http/guard/clients.ts';
import type { CallerCredentialRegistry } from '../../http/guard/credentials.ts';
import type { Idempotency } from '../../http/guard/idempotency.ts';
import type { BrowserAuthenticator } from '../../http/guard/visitors.ts';
import type { RequestInterceptor } from '../../http/routes/host-router.ts';
import type { HttpLogger, HttpMetrics } from '../../http/routes/observe.ts';
import type { FacadeRoutes, RouteTable } from '../../http/routes/routes.ts';
import type { SseContext } from '../../http/transport/sse.ts';
import type { SocketServer } from '../../http/transport/ws.ts';
import type { AutomationApiRegistry } from '../../sessions/api/server/automations.ts';
import type { WorkerAuthenticator } from '../../sessions/api/server/work-queue.ts';
import type { OperationServices, Services } from '../../sessions/api/services.ts';
import type { SharedSessionService } from '../../sessions/api/shares.ts';
import type { WorkspaceService } from '../../sessions/api/workspaces.ts';
import type { AgentConfigService } from '../../sessions/projects/agent-config.ts';
import type { ProviderKeyService } from '../../sessions/projects/provider-keys.ts';
import type { SupportedProvider } from '../../sessions/projects/providers.ts';
import type { UploadService } from '../../sessions/projects/uploads.ts';
import type { SideMessageService } from '../../sessions/services/side-messages.ts';

export interface PageFiles {
  readonly byName: ReadonlyMap<string, Uint8Array>;
  /** Folder with the scripts and styles for `/docs` and `/redoc`, which are too large to keep in memory. */
  readonly apiDocs: URL;
}

export interface FacadeProjectDeps {
  readonly agents: AgentConfigService;
  readonly uploads: UploadService;
  readonly keys: ProviderKeyService;
  /** Includes the OpenAI-compatible model servers from the settings. */
  readonly providers: readonly SupportedProvider[];
  /** Also includes the OpenAI-compatible model servers that administrators added on the web page. */
  readonly offered: () => Promise<readonly SupportedProvider[]>;
  readonly sideMessages: SideMessageService;
  readonly maxUploadBytes: number;
}

interface FetchedFile {
  readonly status: number;
  /** Media type in lower case; empty if the site sends none. */
  readonly type: string;
  readonly bytes: Buffer;
  readonly isCut: boolean;
}

/** The services check the caller's permissions. */
export interface FacadeDeps {
  readonly version: string;
  readonly services: Services;
  readonly drain: OperationServices['drain'];
  readonly projects: FacadeProjectDeps | undefined;
  /** No permission checks: first check the caller's access to the session. */
  readonly attached: Pick<UploadService, 'get'> | undefined;
  /** Sessions readable by link alone. Undefined if sharing is off. */
  readonly shared: SharedSessionService | undefined;
  readonly people: { readonly signIn: SignInFlow; readonly visitors: BrowserAuthenticator } | undefined;
  readonly workers: WorkerAuthenticator | undefined;
  readonly programs: AutomationApiRegistry | undefined;
  /** Fetches an address under a session's egress policy. Undefined if page fetching is off. */
  readonly fetchPage: ((address: string, session: SessionId, signal: AbortSignal) => Promise<FetchedFile>) | undefined;
  readonly workspaces: Pick<WorkspaceService, 'join'> | undefined;
  readonly acting: (principal: Principal) => CallerContext;
  /** Checks tokens sent after a WebSocket upgrade. Wrong tokens count toward the address's lockout. */
  readonly admits: (token: string, address: string) => Promise<Principal | undefined>;
  readonly idempotency: Idempotency;
  readonly sockets: SocketServer;
  readonly sse: SseContext;
  readonly signed: SignedUrls;
  readonly table: RouteTable;
  readonly metrics: HttpMetrics;
  readonly logger: HttpLogger;
  readonly clock: Clock;
  /** In a clone of the repository, the first call builds the files. */
  readonly page: () => Promise<PageFiles>;
  readonly clipboard: boolean;
  readonly credentials: CallerCredentialRegistry;
  readonly clients: ClientResolver;
  /** Tried in order before routing, until one claims the request. */
  readonly elsewhere: RequestInterceptor[];
  /** The secret from which tokens are derived; shared by all servers with the same store. */
  readonly peppers: () => Promise<Pick<Peppers, 'hash'>>;
  readonly limits: { readonly cpus: number; readonly memory: number; readonly disk: number };
  readonly abilities: SandboxCapabilities;
  readonly previews: PreviewLinks;
  readonly port: number;
}

export interface SandboxCapabilities {
  /** Whether a pause can keep processes in memory. */
  readonly freeze: boolean;
  readonly keepsFiles: boolean;
}

/**
 * Everything about a facade. Its name is its key in `src/facades/list.ts` and in the settings.
 *
 * @example
 * export const workspace = defineFacade({ label: 'Workspace', audience, tag, paths: ['/ws'], documents, routes });
 */
export interface FacadeDescriptor<Settings extends z.ZodObject = z.ZodObject> {
  readonly label: string;
  readonly audience: string;
  /** The facade's section of the OpenAPI document. Undefined if OpenAPI cannot describe the facade. */
  readonly tag: string | undefined;
  /** Includes all paths below these; `{id}` matches one segment. */
  readonly paths: readonly string[];
  /** Markdown links. Empty if the facade is documented only in its source. */
  readonly documents: string;
  /** Schema of the facade's corral.yaml section. Build it with `setting` and `defineOptionalSetting`. */
  readonly settings?: Settings;
  /** Returns no routes if the server lacks something that the facade needs. */
  routes(parts: FacadeDeps, settings: z.output<Settings>): Promise<readonly FacadeRoutes[]>;
}

/** Preserves the exact type of `settings`, because the schema of all settings needs it. */
export const defineFacade = <Settings extends z.ZodObject = z.ZodObject>(
  descriptor: FacadeDescriptor<Settings>,
): FacadeDescriptor<Settings> => descriptor;
