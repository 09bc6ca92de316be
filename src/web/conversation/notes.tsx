import { useContext, useMemo } from 'preact/hooks';
import { errorDocsPathOf } from '../../core/errors/error-pages.ts';
import { eventNoticeOf } from '../../core/model/event-traits.ts';
import { focusTab } from '../app/layout.ts';
import { sendMessage } from '../data/actions.ts';
import {
  type ChangedFile,
  type EventDataOf,
  type EventItem,
  type PhaseItem,
  type RetryItem,
  type RunEndItem,
  transientPhases,
  type WaitItem,
} from '../data/items.ts';
import { conversationState, isLoadingHistory } from '../data/log.ts';
import type { ConversationState } from '../data/model.ts';
import { currentSession } from '../data/sessions.ts';
import { Markdown } from '../markdown/markdown.tsx';
import { PlainText } from '../markdown/plain.tsx';
import { openSessionModelPicker } from '../models/session-model.ts';
import { effectiveModels, isDemoModel } from '../models/state.ts';
import { truncateLine } from '../parts/bounded-text.ts';
import { type DiffLine, diffLines } from '../parts/diff.ts';
import { formatBudgetValue, formatCompactCount, formatCount, formatDuration, formatUsd } from '../parts/format.ts';
import { Button } from '../parts/kit/button.tsx';
import { Icon } from '../parts/kit/icon.tsx';
import { GuideLink, tryOrNotify } from '../parts/notice.tsx';
import { openSettings } from '../settings/settings.tsx';
import { ForkButton, ForkNote } from '../sharing/fork.tsx';
import { isTextKey, t, translateFailure, translateServerText } from '../text/text.ts';
import type { TextKey } from '../text/texts.ts';
import { findBestResult } from '../work/best-result.ts';
import { fileFilter, openFileStore } from '../work/files/store.ts';
import { openResult } from '../work/results.ts';
import { ApprovalCard } from './approval-card.tsx';
import { LiveContext } from './live.ts';
import { ElapsedTime, useNow } from './tool-card.tsx';
import { DemoHelp } from './welcome.tsx';

export function WaitNote({ item }: { item: WaitItem }) {
  if (!item.isOpen.value) return null;
  const { reason = 'question', spent, budget } = item.data;
  const why = reason === 'approval' ? 'question' : reason;
  const isLeft = budget?.scope === 'member';
  const isShared = budget && ['person', 'project', 'server'].includes(budget.scope);
  const isFull = budget?.kind === 'runningRuns';
  const spentBudget = budget?.hard ? 'wait.hard' : isFull ? 'wait.runs' : isShared ? 'wait.shared' : 'wait.budget';
  const whyKey = `wait.${why}`; // a newer server may send reasons that this page does not know
  const used = spent
    ? t('soFar', { n: spent.turns, tokens: formatCount(spent.tokens), cost: formatUsd(spent.cost) })
    : '';
  return (
    <div class="note wait" role="status">
      <Icon name="bell" />
      <div>
        <p>
          {t(isLeft ? 'wait.member' : why === 'budget' ? spentBudget : isTextKey(whyKey) ? whyKey : 'wait.question')}
          {reason === 'budget' && ` ${used}`}
        </p>
        {budget && !isLeft && (
          <p class="quiet">
            {t('wait.limit', {
              kind: t(`budget.${budget.kind}`),
              used: formatBudgetValue(budget.kind, budget.used),
              limit: formatBudgetValue(budget.kind, budget.limit),
            })}
          </p>
        )}
      </div>
    </div>
  );
}

export const drawOpenItem = (item: ConversationState['open']['value'][number]) =>
  item.kind === 'approval' ? (
    <ApprovalCard key={item.seq} item={item} isLive />
  ) : (
    <WaitNote key={item.seq} item={item} />
  );

export const ErrorNote = ({ text }: { text: string }) => (
  <div class="note bad" role="alert">
    <Icon name="warning" />
    <p>{truncateLine(translateFailure(text))}</p>
  </div>
);

export function RetryNote({ item }: { item: RetryItem }) {
  const { failures, detail, next, isOver } = item.state.value;
  const isLive = useContext(LiveContext);
  if (detail === '' && failures < 2) return null;
  return (
    <p class="aside retrying" data-over={isOver}>
      {!isOver && isLive && <span class="dot" data-status="running" aria-hidden="true" />}
      <span>
        {detail !== '' && truncateLine(translateFailure(detail))}{' '}
        {isOver && failures > 1 && t('retry.was', { n: failures })}
        {!isOver && next && t('retry.next', { n: next.number, most: next.most })}{' '}
        {!isOver && next && isLive && <Countdown to={next.at} />}
      </span>
    </p>
  );
}

function Countdown({ to }: { to: number }) {
  const seconds = Math.max(0, Math.ceil((to - useNow()) / 1_000));
  return <span aria-hidden="true">{seconds > 0 ? t('retry.in', { n: seconds }) : t('retry.now')}</span>;
}

export const Thoughts = ({ text }: { text: string }) => (
  <details class="aside thoughts">
    <summary>{t('thoughts')}</summary>
    <Markdown text={text} />
  </details>
);

export function toPhaseTextKey(phase: string): TextKey {
  const key = `phase.${phase}`;
  return isTextKey(key) ? key : 'phase.starting';
}

/** Phases of an idle sandbox. Hidden unless the item lists ended processes. */
const unsaid: ReadonlySet<string> = new Set(['pausing', 'paused', 'resuming', 'resumed', 'released']);

export function PhaseNote({ item }: { item: PhaseItem }) {
  const { phase, detail, ms, isCut, ended = [] } = item.phase.value;
  const setup = item.setup.value;
  const last = setup.at(-1);
  const isLive = useContext(LiveContext);
  const isMoving = transientPhases.has(phase) && !isCut;
  const isPreparing = !isMoving && phase === 'ready' && last?.isMoving === true;
  const isNoNews = unsaid.has(phase) || (phase === 'ready' && item.isAfterEnd && setup.length === 0);
  if (isCut || (isNoNews && ended.length === 0)) return null;
  const took = ms !== undefined && ms > 0 && !isMoving ? ` · ${formatDuration(ms)}` : '';
  const lines = [...(detail ? [detail] : []), ...setup.map((one) => one.detail)].map((text) =>
    truncateLine(translateServerText(text)),
  );
  if (phase === 'ready' && lines.length > 0 && !isPreparing)
    return (
      <details class="aside phase">
        <summary>
          {t('phase.ready')}
          {took}
        </summary>
        <ul>
          {lines.map((line) => (
            <li key={line}>{line}</li>
          ))}
        </ul>
      </details>
    );
  return (
    <p class={`aside phase ${phase === 'lost' ? 'lost' : ''}`}>
      {(isMoving || isPreparing) && isLive && <span class="dot" data-status="running" aria-hidden="true" />}
      <span>
        {isPreparing ? lines.at(-1) : t(toPhaseTextKey(phase))}
        {detail && !isPreparing ? ` · ${truncateLine(translateServerText(detail))}` : ''}
        {ended.length > 0 ? ` · ${t('phase.ended', { commands: truncateLine(ended.join(', ')) })}` : ''}
        {isPreparing ? '' : took}
      </span>
      {(isMoving || isPreparing) && <ElapsedTime since={item.at} />}
    </p>
  );
}

export function EventNote({ event }: { event: EventItem['event'] }) {
  switch (event.type) {
    case 'context.compacted': {
      const { kind, before, after, summary } = event.data;
      const head = `${t(`compacted.${kind}`)} ${t('compacted.sizes', { before, after })}`;
      if (!summary) return <p class="aside">{head}</p>;
      return (
        <details class="aside compacted">
          <summary>{head}</summary>
          <Markdown text={summary} />
        </details>
      );
    }
    case 'egress': {
      const { host, port, rule } = event.data;
      return (
        <p class="aside refused">
          <Icon name="shield" size={15} />
          <span>{t('egressRefused', { host: `${host}:${port}`, rule: translateServerText(rule) })}</span>
          <Button kind="quiet" class="small" label={t('egressReview')} onClick={() => openSettings('network')} />
        </p>
      );
    }
    case 'goal':
      return <GoalNote data={event.data} />;
    case 'session.forked':
      return <ForkNote event={event} />;
    case 'desktop':
      return <p class="aside">{t(event.data.kind === 'control_taken' ? 'controlTaken' : 'controlReturned')}</p>;
    case 'repository':
      if (event.data.kind !== 'ready') break;
      return <p class="aside">{t('repository.cloned', { path: event.data.path })}</p>;
    case 'session.updated':
      if (event.data.attempt === undefined) break;
      return (
        <p class="aside">
          <Icon name="fork" size={15} /> {t('attempts.taken', { n: String(event.data.attempt) })}
        </p>
      );
    case 'sandbox.untrusted':
      return <ErrorNote text={`${t('sandboxUntrusted')} ${event.data.detail}`} />;
    default:
  }
  return <p class="aside">{truncateLine(translateServerText(eventNoticeOf(event)?.text ?? ''))}</p>;
}

function GoalNote({ data }: { data: EventDataOf<'goal'> }) {
  if (data.kind === 'checking') return null;
  if (data.kind === 'judged') {
    if (data.feedback === undefined) return null; // the run's end shows the verdict
    return (
      <p class="aside goal" data-result={data.result}>
        <strong>{t('goal.back')}</strong> {truncateLine(translateServerText(data.reason))}
      </p>
    );
  }
  const { command, result, exitCode, detail } = data;
  const what = command === undefined ? t('goal.grader') : truncateLine(command);
  const code = result === 'missed' && exitCode !== undefined ? ` · ${t('tool.exit', { code: exitCode })}` : '';
  const head = `${t(`goal.check.${result}`, { what })}${code}`;
  if (detail === '')
    return (
      <p class="aside goal" data-result={result}>
        {head}
      </p>
    );
  return (
    <details class="aside goal" data-result={result}>
      <summary>{head}</summary>
      <PlainText text={detail} />
    </details>
  );
}

export function RunEndNote({ item, isLive }: { item: RunEndItem; isLive: boolean }) {
  const { data, attachments, goal, ms, used, isBlocked } = item;
  const session = currentSession.value;
  const send = (message: { text: string; attachments?: readonly string[] }) =>
    tryOrNotify(t('notSent'), () => sendMessage({ ...message, goal }));
  const took = ms === undefined ? '' : ` ${t('endedIn', { time: formatDuration(ms) })}`;
  const kind = data.reason === 'superseded' ? 'superseded' : data.status;
  const docs = data.code && errorDocsPathOf(data.code);
  const isGoalUnread = data.goal && !goal && isLoadingHistory.value;
  const isAnswer = kind === 'completed' && used.turns > 0 && used.toolCalls === 0 && !isBlocked;
  const { run } = conversationState;
  const isLast = run.value.kind === 'ended' && run.value.end === item;
  const changed = item.changed.value;
  const leadsToKey = data.code === 'model_unauthorized' && effectiveModels.value?.canChange === true;
  return (
    <div
      class="ended padded box small-text row wrap"
      data-status={isBlocked ? 'failed' : isAnswer ? 'answered' : data.reason === 'expired' ? 'expired' : data.status}
    >
      <p>
        {isAnswer ? (
          <span class="quiet">{t('end.answered')}</span>
        ) : (
          <strong>{t(isBlocked ? 'end.failed' : toRunEndTextKey(data))}</strong>
        )}
        {kind !== 'superseded' && <span class={isAnswer ? 'quiet' : ''}>{took}</span>}
        {used.turns > 0 && !isDemoModel(used.model) && (
          <span class="quiet">
            {' · '}
            {t('tokensShort', { n: formatCompactCount(used.inputTokens + used.outputTokens) })}
            {used.cost !== undefined && used.cost > 0 && ` · ${formatUsd(used.cost)}`}
          </span>
        )}
      </p>
      {data.goal && (
        <p class="quiet">
          {t(`goal.${data.goal.result}`)} {truncateLine(translateServerText(data.goal.reason))}
        </p>
      )}
      {data.code && !isBlocked && (
        <p class="quiet">
          {t(reasons[data.code] ?? 'why.unknown')}
          {data.retryable && ` ${t('why.retry')}`}
          {docs && <GuideLink docs={docs} />}
        </p>
      )}
      <EditCounts item={item} />
      {isLive && (
        <div class="row">
          {(kind === 'failed' || kind === 'stopped') && !isGoalUnread && !isBlocked && (
            <>
              {leadsToKey && (
                <Button kind="primary" label={t('settings.models')} onClick={() => openSettings('models')} />
              )}
              {session && data.code && ofModel.has(data.code) && (
                <Button
                  {...(!leadsToKey && { kind: 'primary' })}
                  label={t('models.change')}
                  onClick={() => openSessionModelPicker(session)}
                />
              )}
              <Button icon="retry" label={t('retry')} onClick={() => send({ text: data.task, attachments })} />
              <Button label={t('continue')} onClick={() => send({ text: t('continueText') })} />
            </>
          )}
          <NextSteps changed={changed} isLast={isLast} />
          {isAnswer && session && isDemoModel(used.model) ? (
            <DemoHelp session={session} />
          ) : (
            <ForkButton seq={item.seq} />
          )}
        </div>
      )}
    </div>
  );
}

/** The line counts are known only if file tools wrote all of the files. */
function EditCounts({ item }: { item: RunEndItem }) {
  const { edits } = item;
  const changed = item.changed.value;
  const isWhole = changed.length === edits.length;
  const lines = useMemo(
    () => (isWhole ? edits.flatMap(({ before, after }) => diffLines(before, after)) : []),
    [edits, isWhole],
  );
  if (changed.length === 0) return null;
  const count = (ofKind: DiffLine['kind']) => lines.filter(({ kind }) => kind === ofKind).length;
  return (
    <p class="edits figures">
      {t('end.edited', { n: changed.length })}{' '}
      {isWhole && (
        <>
          <span class="good-text">+{count('added')}</span> <span class="bad-text">−{count('removed')}</span>
        </>
      )}
    </p>
  );
}

function NextSteps({ changed, isLast }: { changed: readonly ChangedFile[]; isLast: boolean }) {
  const session = currentSession.value;
  if (!session || changed.length === 0) return null;
  const best = findBestResult(changed, '');
  const review = () => {
    fileFilter.value = 'changed';
    openFileStore(session.id).shown.value = undefined;
    focusTab('files');
  };
  return (
    <>
      {isLast && <Button icon="edit" label={t('end.review')} onClick={review} />}
      {best !== undefined && (
        <Button icon="play" label={t('openFile', { path: best })} onClick={() => void openResult(session.id, best)} />
      )}
      {isLast && session.repositories.some((one) => changed.some(({ path }) => path.startsWith(`${one.path}/`))) && (
        <Button icon="upload" label={t('end.commit')} onClick={() => focusTab('ship')} />
      )}
    </>
  );
}

export function toRunEndTextKey({ status, reason }: RunEndItem['data']): TextKey {
  if (reason === 'superseded' || reason === 'expired' || reason === 'deleted') return `end.${reason}`;
  return `end.${status}`;
}

/** Another model can help. */
const ofModel: ReadonlySet<string> = new Set(['model_unauthorized', 'model_unknown', 'model_quota']);

/** A newer server may send failure codes that this page does not know. */
const reasons: Readonly<Record<NonNullable<RunEndItem['data']['code']>, TextKey>> = {
  model_unauthorized: 'why.modelKey',
  model_quota: 'why.modelQuota',
  quota: 'why.quota',
  model_overloaded: 'why.modelBusy',
  model_rate_limited: 'why.modelBusy',
  model_unavailable: 'why.modelBusy',
  model_stalled: 'why.modelBusy',
  provider_error: 'why.provider',
  model_unknown: 'why.modelUnknown',
  model_refused: 'why.modelRefused',
  model_rejected: 'why.modelRejected',
  model_context: 'why.modelContext',
  empty_reply: 'why.emptyReply',
  agent_failed: 'why.agent',
  sandbox_capacity: 'why.capacity',
  sandbox_lost: 'why.sandboxLost',
  sandbox_unavailable: 'why.sandboxLost',
  sandbox_unresponsive: 'why.sandboxLost',
  sandbox_not_found: 'why.sandboxLost',
  sandbox_untrusted: 'why.untrusted',
  driver_unavailable: 'why.driver',
  image_missing: 'why.image',
  packages_failed: 'why.packages',
  oom: 'why.memory',
  stuck: 'why.stuck',
  disk_full: 'why.disk',
  deadline_exceeded: 'why.time',
  store_unavailable: 'why.server',
  store_busy: 'why.server',
  store_corrupt: 'why.server',
  restart_intensity: 'why.server',
  fenced: 'why.server',
  draining: 'why.shutdown',
  shutting_down: 'why.shutdown',
  internal: 'why.server',
  queue_full: 'why.busy',
  rate_limited: 'why.busy',
  cancelled: 'why.cancelled',
  unauthorized: 'why.forbidden',
  forbidden: 'why.forbidden',
  invalid_request: 'why.request',
  path_outside: 'why.request',
  not_found: 'why.request',
  session_not_found: 'why.request',
  file_not_found: 'why.request',
  shell_not_found: 'why.request',
  conflict: 'why.request',
  file_changed: 'why.request',
  payload_too_large: 'why.request',
  unsupported: 'why.request',
};
