import type { SandboxStatus } from '../../../client/types.ts';
import { repeatable } from '../../data/server.ts';
import { Button } from '../../parts/button.tsx';
import { duration } from '../../parts/format.ts';
import { attempt } from '../../parts/notice.tsx';
import { t } from '../../text/text.ts';

interface Props {
  readonly sandbox: SandboxStatus;
  readonly sessionId: string;
  readonly onChange: (sandbox: SandboxStatus) => void;
}

/** The one state of the sandbox, with its pause. Before it is paused, the line says what the pause keeps. */
export function SandboxState({
  sandbox: { condition, keeps, pause, idleSeconds, filesDamaged },
  sessionId,
  onChange,
}: Props) {
  const change = (name: 'pause' | 'resume') =>
    attempt(t(`sandbox.${name}`), async () => onChange(await repeatable(`sandbox.${name}`, { sessionId })));
  const mayPause = condition === 'running' && pause !== 'none';
  const mayResume = condition === 'paused' || condition === 'stopped' || condition === 'lost';
  return (
    <>
      <p class="work-note sandbox-state" role="status">
        <span>
          {t(`sandbox.${condition}`)}
          {keeps ? ` · ${t(`sandbox.keeps.${keeps}`)}` : mayPause ? ` · ${t(`sandbox.pauseKeeps.${pause}`)}` : ''}
          {mayPause && idleSeconds !== null && ` · ${t('sandbox.idle', { time: duration(idleSeconds * 1_000) })}`}
        </span>
        {mayPause && (
          <Button class="small" onClick={() => change('pause')}>
            {t('sandbox.pause')}
          </Button>
        )}
        {mayResume && (
          <Button class="small" onClick={() => change('resume')}>
            {t('sandbox.resume')}
          </Button>
        )}
      </p>
      {filesDamaged && <p class="work-note bad">{filesDamaged.detail}</p>}
    </>
  );
}
