import { useContext, useEffect, useState } from 'preact/hooks';
import { joinLines } from '../../core/text/text.ts';
import type { ToolItem, ToolState } from '../data/items.ts';
import { toolLabelsByName } from '../data/system.ts';
import { PlainText } from '../markdown/plain.tsx';
import { ErrorBoundary } from '../parts/boundary.tsx';
import { formatDuration } from '../parts/format.ts';
import { Icon, type IconName } from '../parts/kit/icon.tsx';
import { StatusIcon } from '../parts/kit/status.tsx';
import { isTextKey, t, translateServerText } from '../text/text.ts';
import { toApprovalDecisionText } from './approval-card.tsx';
import { LiveContext } from './live.ts';
import { ToolResultView } from './tool-result.tsx';

const icons = new Map<string, IconName>([
  ['shell', 'terminal'],
  ['file', 'file'],
  ['browser', 'globe'],
  ['search', 'search'],
  ['computer', 'screen'],
  ['code', 'terminal'],
]);
export function ToolCard({ item }: { item: ToolItem }) {
  const state = item.state.value;
  const [isShut, setShut] = useState<boolean>();
  const folds = state.status === 'completed' && ['file_read', 'read'].includes(item.name);
  const isOpen = !(isShut ?? folds);
  return (
    <div
      class="tool raised box rigid"
      role="group"
      data-status={state.status}
      data-seq={item.seq}
      aria-label={labelOf(item)}
    >
      <button type="button" class="row tool-head padded full" aria-expanded={isOpen} onClick={() => setShut(isOpen)}>
        <StatusIcon status={state.status} />
        <Icon name={icons.get(item.family) ?? 'command'} size={16} />
        <span class="what quiet">{labelOf(item)}</span>
        <span class="cut which">{formatSubject(state.called ?? item)}</span>
        <Tail item={item} state={state} />
        <Icon name="chevron" size={14} />
      </button>
      <Permission item={item} />
      {isOpen && !isRefused(item) && !isWithoutRepository(state) && (
        <ErrorBoundary instead={<PlainText text={state.called?.output ?? state.live} />}>
          <ToolResultView item={item} state={state} />
        </ErrorBoundary>
      )}
    </div>
  );
}

function isRefused({ approval }: ToolItem): boolean {
  const decided = approval.value?.decided.value;
  return decided !== undefined && decided !== 'gone' && decided.decision !== 'approved';
}

/** A card below the call shows the same error. */
const isWithoutRepository = ({ called }: ToolState): boolean =>
  called?.success === false && /^The repository \S+ could not be fetched: /.test(called.output);

function Permission({ item }: { item: ToolItem }) {
  const decided = item.approval.value?.decided.value;
  if (!decided) return null;
  const isChanged = decided !== 'gone' && decided.args !== undefined;
  return (
    <p class="tool-note padded border-top quiet permission">
      <Icon name="shield" size={14} /> {toApprovalDecisionText(decided)} {isChanged && t('approval.wasChanged')}
    </p>
  );
}

const labelOf = ({ name }: ToolItem): string =>
  translateServerText(toolLabelsByName.value.get(name)?.label ?? name.replaceAll('_', ' '));

const telling = [
  ...['command', 'file', 'query', 'url', 'input', 'glob', 'regex', 'title', 'text', 'path', 'id', 'name'],
  ...['key', 'option', 'javascript', 'action'],
];
/** Returns the argument that best identifies the call. More arguments may arrive when the call ends. */
function formatSubject({ args }: Pick<ToolItem, 'args'>): string {
  const summary = telling.map((key) => args[key]).find((value) => typeof value === 'string' && value !== '');
  return joinLines(
    String(summary ?? '')
      .slice(0, 300)
      .replace(/^\/workspace\//, ''),
    ' ⏎ ',
  );
}

function Tail({ item, state }: { item: ToolItem; state: ToolState }) {
  const { called } = state;
  const why = `tool.end.${called?.reason}`;
  const code = called?.exitCode ? t('tool.exit', { code: called.exitCode }) : undefined;
  const isFailed = called && !called.success && !isRefused(item);
  const failure = isTextKey(why) ? t(why) : (code ?? (isFailed ? t('status.failed') : undefined));
  return (
    <span class="tail quiet figures">
      {failure && <span class="bad">{failure}</span>}
      {state.endedAt === undefined ? (
        <ElapsedTime since={item.at} />
      ) : (
        <span>{formatDuration(state.endedAt - item.at)}</span>
      )}
    </span>
  );
}

export const ElapsedTime = ({ since }: { since: number }) =>
  useContext(LiveContext) ? <Running since={since} /> : null;

export function useNow(): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, []);
  return now;
}

function Running({ since }: { since: number }) {
  const seconds = Math.max(0, Math.floor((useNow() - since) / 1_000));
  return seconds < 1 ? null : <span>{formatDuration(seconds * 1_000).replace('.0', '')}</span>;
}
