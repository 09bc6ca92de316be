import type { DisplayStatus } from '../../data/status.ts';
import { t } from '../../text/text.ts';

/** Statuses differ in shape as well as color. */
export const StatusDot = ({ status }: { status: DisplayStatus }) => (
  <span class="dot" data-status={status} role="img" aria-label={t(`status.${status}`)} />
);

export const StatusChip = ({ status }: { status: DisplayStatus }) => (
  <span class="chip" data-status={status} title={t(`status.${status}`)}>
    <span class="dot" data-status={status} aria-hidden="true" />
    <span>{t(`status.${status}`)}</span>
  </span>
);

export const StatusIcon = ({ status }: { status: 'pending' | 'running' | 'completed' | 'failed' }) => (
  <span class="mark" data-status={status} role="img" aria-label={t(`mark.${status}`)}>
    {status === 'completed' ? '✓' : status === 'failed' ? '✕' : ''}
  </span>
);
