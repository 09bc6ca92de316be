import type { SandboxId } from '../../src/core/model/ids.ts';

/** The folders that sandboxes see as /run/corral, if a process other than the server owns their parent. */
export interface SandboxMounts {
  path(id: SandboxId): string;
  make(id: SandboxId): Promise<void>;
  remove(id: SandboxId): Promise<void>;
}
