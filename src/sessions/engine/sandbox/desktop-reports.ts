import { ServerPart } from '../../../core/contracts/server-parts.ts';
import type { SessionId } from '../../../core/model/ids.ts';
import type { DesktopStatus } from '../../../sandboxes/client/client.ts';
import type { LiveSessions } from '../live-sessions.ts';
import type { SandboxFactChannel } from './sandbox-facts.ts';

interface Deps {
  readonly liveSessions: Pick<LiveSessions, 'get'>;
  readonly facts: Pick<SandboxFactChannel, 'tell'>;
}

export class DesktopStatusRecorder extends ServerPart<Deps> {
  /** Appends changes since the desktop's last status, if this server owns the session. */
  saw = (id: SessionId, status: DesktopStatus): void => {
    const { liveSessions, facts } = this.deps;
    for (const data of liveSessions.get(id)?.desktop.saw(status) ?? []) facts.tell(id, { type: 'desktop', data });
  };
}
