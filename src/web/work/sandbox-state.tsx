import { useEffect, useState } from 'preact/hooks';
import type { Event, SandboxStatus } from '../../client/types.ts';
import { onSessionEvent } from '../data/log.ts';
import { mutateWithRetry, query } from '../data/server.ts';
import { formatDuration } from '../parts/format.ts';
import { Button } from '../parts/kit/button.tsx';
import { tryOrNotify } from '../parts/notice.tsx';
import { t } from '../text/text.ts';
import type { TextKey } from '../text/texts.ts';

interface Props {
  readonly sandbox: SandboxStatus;
  readonly sessionId: string;
  readonly onChange: (sandbox: SandboxStatus) => void;
}

const canWake = ({ condition }: Pick<SandboxStatus, 'condition'>): boolean =>
  condition === 'paused' || condition === 'stopped' || condition === 'lost';

export function SandboxState({
  sandbox: { condition, keeps, pause, idleSeconds, filesDamaged },
  sessionId,
  onChange,
}: Props) {
  const wake = condition === 'paused' ? 'resume' : 'start';
  const change = (name: 'pause' | 'resume', problem: TextKey) =>
    tryOrNotify(t(problem), async () => onChange(await mutateWithRetry(`sandbox.${name}`, { sessionId })));
  const mayPause = condition === 'running' && pause !== 'none';
  return (
    <>
      <p class="row work-note sandbox-state between" role="status">
        <span>
          {t(`sandbox.${condition}`)}
          {keeps ? ` · ${t(`sandbox.keeps.${keeps}`)}` : mayPause ? ` · ${t(`sandbox.pauseKeeps.${pause}`)}` : ''}
          {mayPause && idleSeconds !== null && ` · ${t('sandbox.idle', { time: formatDuration(idleSeconds * 1_000) })}`}
        </span>
        {mayPause && (
          <Button class="small" label={t('sandbox.pause')} onClick={() => change('pause', 'sandbox.notPaused')} />
        )}
        {canWake({ condition }) && (
          <Button
            class="small"
            label={t(`sandbox.${wake}`)}
            onClick={() => change('resume', wake === 'start' ? 'sandbox.notStarted' : 'sandbox.notResumed')}
          />
        )}
      </p>
      {filesDamaged && <p class="work-note bad">{filesDamaged.detail}</p>}
    </>
  );
}

const settleMs = 300;

/** Also looks when the component mounts. */
export function useSandboxChanges(
  sessionId: string,
  look: () => Promise<unknown>,
  types: readonly Event['type'][] = ['sandbox.phase'],
): void {
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    void look();
    const end = onSessionEvent(({ type }) => {
      if (!types.includes(type)) return;
      clearTimeout(timer);
      timer = setTimeout(look, settleMs);
    });
    return () => {
      clearTimeout(timer);
      end();
    };
  }, [sessionId]);
}

/** Empty while the sandbox runs, and before it first starts. */
export function SleepingSandbox({ sessionId }: { sessionId: string }) {
  const [sandbox, setSandbox] = useState<SandboxStatus>();
  const look = () => query('sandbox.status', { sessionId }).then(setSandbox, () => {});
  useSandboxChanges(sessionId, look);
  return sandbox && canWake(sandbox) ? (
    <SandboxState sandbox={sandbox} sessionId={sessionId} onChange={setSandbox} />
  ) : null;
}
