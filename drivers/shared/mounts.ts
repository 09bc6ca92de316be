import type { SandboxId } from '../../src/core/ids.ts';

/** Where the folders are that sandboxes see as /run/corral, when somebody else than the server owns their parent. */
export interface Mounts {
  path(id: SandboxId): string;
  /** Resolves once the folder is there and this server can make sockets in it. */
  make(id: SandboxId): Promise<void>;
  remove(id: SandboxId): Promise<void>;
}
