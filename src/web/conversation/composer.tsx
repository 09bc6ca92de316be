import { useSignal } from '@preact/signals';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { sendMessage } from '../data/actions.ts';
import { conversationState } from '../data/log.ts';
import { connectionState } from '../data/server.ts';
import { currentSessionId } from '../data/sessions.ts';
import { currentSessionStatus, isCurrentSessionBusy } from '../data/status.ts';
import { chosenModel } from '../models/state.ts';
import { findTooLongText } from '../parts/bounded-text.ts';
import { IconButton } from '../parts/kit/button.tsx';
import { TextAreaField } from '../parts/kit/field.tsx';
import { Icon } from '../parts/kit/icon.tsx';
import { GuideLink, notify, tryOrNotify } from '../parts/notice.tsx';
import { pressedKeyOf } from '../parts/pressed-key.ts';
import { isTouchDevice } from '../parts/touch.ts';
import { projectFilter } from '../sessions/filters.ts';
import { chosenTemplate } from '../sessions/templates.ts';
import { chosenSkills } from '../skills/state.ts';
import { t } from '../text/text.ts';
import type { TextKey } from '../text/texts.ts';
import { Attachments, addAttachments, attachmentsOf, removeAttachments } from './attachments.tsx';
import { findMentionedPaths } from './completion/trigger.ts';
import { useCompletion } from './completion/use-completion.tsx';
import { workspacePaths } from './completion/workspace-paths.ts';
import { composerText, readComposerDraft, saveComposerDraft, setComposerText } from './composer-text.ts';
import {
  emptyGoalDraft,
  exampleCheck,
  findGoalProblem,
  type GoalDraft,
  goalDraftOf,
  maxGoalRevisions,
  setGoalDraft,
  toGoalInput,
} from './goal/goal-draft.ts';
import { chosenRepository, isRepositoryFieldOpen, NewSessionChoices } from './new-session-choices.tsx';

const hints: Readonly<Partial<Record<string, TextKey>>> = {
  running: 'steer',
  waiting: 'hint.answer',
  new: 'hint.task',
};
const maxNamed = 50; // maximum workspace files attached to one message

export function Composer() {
  const id = currentSessionId.value;
  const isSending = useSignal(false);
  const ref = useRef<HTMLTextAreaElement>(null);
  const picker = useRef<HTMLInputElement>(null);
  const isOver = useSignal(false);
  const files = attachmentsOf(id);
  const isUploading = files.some((one) => one.id === undefined && one.failed === undefined);
  const goal = goalDraftOf(id);
  const isGoalBad = goal !== undefined && findGoalProblem(goal) !== undefined;
  const text = composerText.value;
  const status = currentSessionStatus.value;
  const steers = status === 'running' && goal === undefined;
  const { value: run } = conversationState.run;
  const asksToAllow = run.kind === 'waiting' && run.reason === 'approval';
  const hint = t(goal ? 'hint.task' : asksToAllow ? 'hint.reject' : (hints[status] ?? 'hint.more'));
  const completion = useCompletion(ref, text);
  // `useEffect` would run later, and could replace newly typed text and move the focus.
  useLayoutEffect(() => {
    composerText.value = readComposerDraft(id);
  }, [id]);
  useLayoutEffect(() => {
    const isInRepositoryField = id === undefined && isRepositoryFieldOpen.peek();
    if (!isTouchDevice() && !isInRepositoryField) ref.current?.focus();
  }, []);
  // Grows the box in browsers without `field-sizing`.
  useEffect(() => {
    const node = ref.current;
    if (!node || CSS.supports('field-sizing', 'content')) return;
    node.style.height = 'auto';
    node.style.height = `${node.scrollHeight}px`;
  }, [text]);
  const submit = async () => {
    if (completion.runTyped()) return;
    if (text.trim() === '' || isSending.value || isUploading || isGoalBad) return;
    isSending.value = true;
    const named = id === undefined ? [] : findMentionedPaths(text, workspacePaths.peek().paths).slice(0, maxNamed);
    const attachments = [...files.flatMap((one) => one.id ?? []), ...named];
    const readTypedSince = () => {
      const now = composerText.peek();
      return now.startsWith(text) ? now.slice(text.length) : now;
    };
    const wish = {
      text,
      attachments,
      session: {
        model: chosenModel.value || undefined,
        template: chosenTemplate.value || undefined,
        projectId: projectFilter.value || undefined,
      },
      repository: chosenRepository.value.trim() || undefined,
      skills: chosenSkills.value,
      goal: goal && toGoalInput(goal),
      onCreated: (created: string) => saveComposerDraft(created, readTypedSince()),
    };
    const isSent = await tryOrNotify(t('notSent'), () => sendMessage(wish));
    isSending.value = false;
    if (id === undefined && currentSessionId.peek() !== undefined) {
      for (const choice of [chosenModel, chosenTemplate, chosenRepository]) choice.value = '';
      chosenSkills.value = [];
      isRepositoryFieldOpen.value = false;
    }
    if (!isSent) return;
    notify('');
    removeAttachments(id);
    setGoalDraft(id, undefined);
    saveComposerDraft(id, '');
    if (currentSessionId.peek() === id) setComposerText(readTypedSince());
    ref.current?.focus();
  };
  return (
    <form
      class="composer"
      data-status={status}
      data-new={id === undefined}
      data-drop={isOver.value ? 'true' : undefined}
      onDragOver={(event) => {
        if (!event.dataTransfer?.types.includes('Files')) return;
        event.preventDefault();
        isOver.value = true;
      }}
      onDragLeave={({ currentTarget, relatedTarget }) => {
        if (!currentTarget.contains(relatedTarget as Node | null)) isOver.value = false;
      }}
      onDrop={(event) => {
        if (!event.dataTransfer?.types.includes('Files')) return;
        event.preventDefault();
        isOver.value = false;
        addAttachments(id, event.dataTransfer.files);
      }}
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      {goal && (
        <GoalFields
          id={id}
          goal={goal}
          onClose={() => {
            setGoalDraft(id, undefined);
            ref.current?.focus();
          }}
        />
      )}
      <Attachments sessionId={id} />
      <div class="composer-box raised">
        {completion.list}
        <textarea
          ref={ref}
          id="message"
          dir="auto"
          rows={1}
          maxLength={200_000}
          aria-label={t('message')}
          placeholder={hint}
          value={text}
          {...completion.aria}
          enterkeyhint={isTouchDevice() ? 'enter' : 'send'}
          onInput={(event) => {
            setComposerText(event.currentTarget.value);
            // called on every change, to reopen the list for retyped text
            completion.look();
          }}
          onPaste={(event) => {
            const pasted = event.clipboardData?.files ?? [];
            if (pasted.length === 0) return;
            event.preventDefault();
            addAttachments(id, pasted);
          }}
          onBeforeInput={(event) => {
            const pasted = findTooLongText(event);
            if (pasted === undefined) return;
            event.preventDefault();
            addAttachments(id, [new File([pasted], 'pasted-text.txt', { type: 'text/plain' })]);
            notify(t('attach.pasted'));
          }}
          onSelect={completion.look}
          onKeyDown={(event) => {
            if (completion.onKey(event)) return;
            // Phone keyboards have no Shift+Enter, so Enter starts a new line.
            if (pressedKeyOf(event) !== 'Enter' || event.shiftKey || isTouchDevice()) return;
            event.preventDefault();
            void submit();
          }}
        />
        <IconButton icon="plus" label={t('attach.add')} onClick={() => picker.current?.click()} />
        <input
          ref={picker}
          type="file"
          multiple
          hidden
          aria-label={t('attach.add')}
          onChange={({ currentTarget }) => {
            addAttachments(id, currentTarget.files ?? []);
            currentTarget.value = '';
          }}
        />
        <IconButton
          icon="target"
          label={t('goal.add')}
          aria-pressed={goal !== undefined}
          onClick={() => setGoalDraft(id, goal ? undefined : emptyGoalDraft)}
        />
        {id === undefined && <NewSessionChoices />}
        <button
          id="send"
          type="submit"
          class="send grid rigid"
          aria-label={t(steers ? 'steer' : 'send')}
          title={t(steers ? 'steer' : 'send')}
          disabled={isSending.value || isUploading || isGoalBad || text.trim() === ''}
        >
          <Icon name="send" />
        </button>
      </div>
      <p class="composer-hint small-text quiet">
        {connectionState.value === 'connecting'
          ? t('connecting')
          : isUploading
            ? t('attach.sending')
            : t(steers ? 'steerTells' : goal && isCurrentSessionBusy.value ? 'goal.after' : 'enterSends')}
      </p>
    </form>
  );
}

function GoalFields({ id, goal, onClose }: { id: string | undefined; goal: GoalDraft; onClose: () => void }) {
  const form = useRef<HTMLFieldSetElement>(null);
  useLayoutEffect(() => {
    form.current?.querySelector('textarea')?.focus({ preventScroll: true });
    form.current?.scrollIntoView({ block: 'nearest' });
  }, []);
  const problem = findGoalProblem(goal);
  return (
    <fieldset ref={form} class="goal-fields grid box">
      <legend>{t('goal.of')}</legend>
      <IconButton icon="close" label={t('goal.remove')} onClick={onClose} />
      <p class="quiet">
        {t('goal.tells')}
        <GuideLink docs="/guide/goals" />
      </p>
      <TextAreaField
        label={t('goal.rubric')}
        rows={2}
        maxLength={200_000}
        value={goal.rubric}
        onChange={(rubric) => setGoalDraft(id, { ...goal, rubric })}
      />
      <TextAreaField
        label={t('goal.checks')}
        isCode
        rows={2}
        placeholder={exampleCheck}
        value={goal.checks}
        onChange={(checks) => setGoalDraft(id, { ...goal, checks })}
      />
      <label class="row goal-revisions bold wrap">
        <span>{t('goal.revisions')}</span>
        <input
          class="field"
          type="number"
          min={0}
          max={maxGoalRevisions}
          value={Number.isNaN(goal.revisions) ? '' : goal.revisions}
          onInput={({ currentTarget }) => setGoalDraft(id, { ...goal, revisions: currentTarget.valueAsNumber })}
        />
      </label>
      {problem && (
        <p class="quiet" role="status">
          {t(problem)}
        </p>
      )}
    </fieldset>
  );
}
