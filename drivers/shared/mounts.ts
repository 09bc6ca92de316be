import type { SandboxId } from '../../src/core/model/ids.ts';

/** Folders that sandboxes see as /run/corral when another process owns their parent. */
export interface SandboxMounts {
  path(id: SandboxId): string;
  make(id: SandboxId): Promise<void>;
  remove(id: SandboxId): Promise<void>;
}
