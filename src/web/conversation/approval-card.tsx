import { useState } from 'preact/hooks';
import type { ApprovalItem } from '../data/items.ts';
import { type InputOf, mutate } from '../data/server.ts';
import { TextParts, useTruncatedText } from '../markdown/plain.tsx';
import { escapeHiddenCharacters, truncateLine } from '../parts/bounded-text.ts';
import { focusOnMount } from '../parts/focus.ts';
import { formatDateTime } from '../parts/format.ts';
import { Button } from '../parts/kit/button.tsx';
import { Icon } from '../parts/kit/icon.tsx';
import { tryOrNotify } from '../parts/notice.tsx';
import { pressedKeyOf } from '../parts/pressed-key.ts';
import { PullRequestFields } from '../parts/proposal-fields.tsx';
import { isTouchDevice } from '../parts/touch.ts';
import { t, translateServerText } from '../text/text.ts';
import { FileDiff } from './tool-result.tsx';

const maxName = 300; // characters

export function ApprovalCard({ item, isLive }: { item: ApprovalItem; isLive: boolean }) {
  const { callId, args, expiresAt, content, fixed } = item.request;
  const name = escapeHiddenCharacters(truncateLine(item.request.function, maxName));
  const call = { sessionId: item.sessionId, callId };
  const approve = (how: Partial<InputOf<'runs.approve'>> = {}) =>
    mutate('runs.approve', { ...call, always: false, ...how });
  const [isSending, setSending] = useState(false);
  const [note, setNote] = useState('');
  const [isExplaining, setExplaining] = useState(false);
  const [edited, setEdited] = useState<{ readonly title: string; readonly text: string }>();
  const decided = item.decided.value;
  const act = (work: () => Promise<unknown>) => async () => {
    setSending(true);
    // Shows an error if the request fails, or if another user has already decided.
    await tryOrNotify(t('approval.notDecided'), work);
    setSending(false);
    // The focused button is gone. Focusing the message box would open a phone's keyboard.
    if (document.activeElement === document.body && !isTouchDevice()) document.getElementById('message')?.focus();
  };
  const summary = summarizeArgs(args);
  const proposal = isProposal(item.request.function, args) ? args : undefined;
  return (
    <div class={`approval rigid ${decided ? 'decided' : ''}`} role="group" aria-label={t('approval')}>
      <p class="row approval-head bold wrap">
        <Icon name="shield" /> {typeof args.command === 'string' ? t('approval.runs') : t('approval.wants', { name })}
        {!decided && <span class="quiet"> {t('approval.until', { time: formatDateTime(expiresAt) })}</span>}
      </p>
      {item.request.reason && <p class="quiet">{truncateLine(translateServerText(item.request.reason))}</p>}
      {content && 'oldContent' in content ? (
        <>
          <ArgsText text={summarizeArgs(withoutTexts(args))} />
          <FileDiff before={content.oldContent} after={content.content} textOf={escapeHiddenCharacters} />
        </>
      ) : proposal ? (
        !edited && <Proposed proposal={proposal} />
      ) : (
        <ArgsText text={summary} />
      )}
      {!decided && edited && (
        <form
          class="approval-edit grid"
          onSubmit={(event) => {
            event.preventDefault();
            const change = () => (proposal ? { ...proposal, ...edited } : changed(args, edited.text));
            void act(async () => approve({ args: change() }))();
          }}
        >
          {proposal ? (
            <PullRequestFields
              title={edited.title}
              text={edited.text}
              rows={Math.min(12, Math.max(4, edited.text.split('\n').length))}
              onTitle={(title) => setEdited({ ...edited, title })}
              onText={(text) => setEdited({ ...edited, text })}
            />
          ) : (
            <textarea
              ref={focusOnMount}
              class="field"
              aria-label={t('approval.edit')}
              value={edited.text}
              rows={Math.min(10, edited.text.split('\n').length)}
              onInput={(event) => setEdited({ ...edited, text: event.currentTarget.value })}
            />
          )}
          <div class="choices">
            <Button label={t('cancel')} onClick={() => setEdited(undefined)} />
            <Button
              type="submit"
              kind="primary"
              label={t('approval.runChanged')}
              disabled={isSending || (proposal && edited.title.trim() === '')}
            />
          </div>
        </form>
      )}
      {edited && !decided ? null : decided ? (
        <p class="quiet">{toApprovalDecisionText(decided)}</p>
      ) : isExplaining ? (
        <form
          class="row wrap approval-note"
          onKeyDown={(event) => pressedKeyOf(event) === 'Escape' && setExplaining(false)}
          onSubmit={(event) => {
            event.preventDefault();
            void act(() => mutate('runs.reject', { ...call, text: note.trim() === '' ? undefined : note }))();
          }}
        >
          <input
            ref={focusOnMount}
            class="field"
            aria-label={t('approval.note')}
            placeholder={t('approval.note')}
            value={note}
            onInput={(event) => setNote(event.currentTarget.value)}
          />
          <Button
            label={t('cancel')}
            onClick={() => {
              setNote('');
              setExplaining(false);
            }}
          />
          <Button type="submit" kind="danger" label={t('approval.reject')} disabled={isSending} />
        </form>
      ) : (
        isLive && (
          <div class="choices approval-choices">
            <div class="choices">
              <Button
                kind="quiet"
                label={t('approval.rejectWith')}
                disabled={isSending}
                onClick={() => setExplaining(true)}
              />
              {!fixed && (
                <Button
                  kind="quiet"
                  label={t('approval.change')}
                  disabled={isSending}
                  onClick={() => setEdited(proposal ?? { title: '', text: summary })}
                />
              )}
            </div>
            <div class="choices">
              {!fixed && (
                <Button
                  kind="quiet"
                  label={t('approval.always')}
                  disabled={isSending}
                  title={t('approval.alwaysTells', { name })}
                  onClick={act(() => approve({ always: true }))}
                />
              )}
              <Button
                class="main stack"
                label={t('approval.reject')}
                disabled={isSending}
                onClick={act(() => mutate('runs.reject', call))}
              />
              <Button
                class="main stack"
                kind="primary"
                label={t('approval.approve')}
                disabled={isSending}
                onClick={act(() => approve())}
              />
            </div>
          </div>
        )
      )}
    </div>
  );
}

function ArgsText({ text }: { text: string }) {
  const { beginning, more } = useTruncatedText(text);
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a long command scrolls, also by keyboard */}
      <pre class="console padded scrolls mono pre" tabIndex={0}>
        <TextParts text={escapeHiddenCharacters(beginning)} />
      </pre>
      {more}
    </>
  );
}

const texts = new Set(['text', 'content', 'old_string', 'new_string', 'oldString', 'newString', 'diff']);
const withoutTexts = (args: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(Object.entries(args).filter(([key]) => !texts.has(key)));

function summarizeArgs(args: Readonly<Record<string, unknown>>): string {
  return typeof args.command === 'string' ? args.command : toJsonText(args, t('approval.tooDeep'));
}

/** `instead`: text for a value that is nested too deeply to be serialized. */
export function toJsonText(value: unknown, instead: string): string {
  try {
    return JSON.stringify(value, null, 2) ?? '';
  } catch {
    return instead;
  }
}

function changed(args: Readonly<Record<string, unknown>>, text: string): Record<string, unknown> {
  if (typeof args.command === 'string') return { ...args, command: text };
  return JSON.parse(text) as Record<string, unknown>;
}

export function toApprovalDecisionText(decided: NonNullable<ApprovalItem['decided']['value']>): string {
  if (decided === 'gone') return t('approval.gone');
  const by = decided.by !== '' && decided.by !== 'user' && decided.by !== 'timeout' ? ` (${decided.by})` : '';
  const comment = decided.text ? ` ${t('quoted', { text: decided.text })}` : '';
  return `${t(`approval.${decided.decision}`)}${by}.${comment}`;
}

type Args = Readonly<Record<string, unknown>>;
type Proposal = Args & { readonly title: string; readonly text: string };

const isProposal = (name: string, args: Args): args is Proposal =>
  name === 'open_pull_request' && typeof args.title === 'string' && typeof args.text === 'string';

function Proposed({ proposal }: { proposal: Proposal }) {
  const { title, text, ...rest } = proposal;
  return (
    <div class="approval-proposal">
      <h3>{escapeHiddenCharacters(title.slice(0, 1_000))}</h3>
      {text !== '' && <ArgsText text={text} />}
      {Object.keys(rest).length > 0 && (
        <p class="quiet">{escapeHiddenCharacters(JSON.stringify(rest)).slice(0, 1_000)}</p>
      )}
    </div>
  );
}
