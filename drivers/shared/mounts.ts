import type { SandboxId } from '../../src/core/model/ids.ts';

/** Folders that sandboxes see as /run/corral. Another process, such as the engine filter, may own their parent. */
export interface SandboxMounts {
  path(id: SandboxId): string;
  make(id: SandboxId): Promise<void>;
  remove(id: SandboxId): Promise<void>;
}
