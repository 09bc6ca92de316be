import type { Clock } from '../../core/contracts/clock.ts';
import type { McpServer } from '../../core/model/tool-server.ts';
import type { McpTool } from './server.ts';

export interface ToolServerState {
  readonly ok: boolean;
  readonly at: number; // Epoch ms.
  readonly tools: readonly McpTool[];
  readonly message: string;
  /** True if the last check received a 401 response. Undefined if unknown. */
  readonly wantsAccess?: boolean;
}
const most = 200;

export class ToolServerStates {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #states = new Map<string, ToolServerState>();

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  of(server: McpServer): ToolServerState | undefined {
    return this.#states.get(JSON.stringify(server));
  }

  /** Ignores a cached tool list, because it is not a new answer. */
  answered(server: McpServer, tools: readonly McpTool[]): void {
    if (this.of(server)?.tools === tools) return;
    this.note(server, { ok: true, at: this.#clock.now(), tools, message: '' });
  }

  failed(server: McpServer, message: string): void {
    const { wantsAccess } = this.of(server) ?? {};
    this.note(server, { ok: false, at: this.#clock.now(), tools: [], message, ...(wantsAccess && { wantsAccess }) });
  }

  note(server: McpServer, state: ToolServerState): void {
    const definition = JSON.stringify(server);
    this.#states.delete(definition);
    const [oldest] = this.#states.keys();
    if (this.#states.size >= most && oldest !== undefined) this.#states.delete(oldest);
    this.#states.set(definition, state);
  }
}
