import type { RefObject } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { currentSessionId } from '../../data/sessions.ts';
import { Icon } from '../../parts/kit/icon.tsx';
import { notify, tryOrNotify } from '../../parts/notice.tsx';
import { pressedKeyOf } from '../../parts/pressed-key.ts';
import { addChosenSkill, loadSessionSkills, loadSkills, sessionSkills, skills } from '../../skills/state.ts';
import { t } from '../../text/text.ts';
import { setComposerText } from '../composer-text.ts';
import { rankMatches } from './fuzzy.ts';
import { type Suggestion, type SuggestionList, suggestCommands } from './slash-commands.tsx';
import { findTriggerAt, replaceTrigger, type SuggestionTrigger } from './trigger.ts';
import { loadWorkspacePaths, watchWorkspaceChanges, workspacePaths } from './workspace-paths.ts';

const sources: Readonly<Record<SuggestionTrigger['kind'], readonly ((word: string) => SuggestionList)[]>> = {
  '@': [fileSuggestions],
  '/': [suggestCommands, skillSuggestions],
};
const listId = 'completions';

const unused = () => false;

/**
 * The message box keeps the focus. `onKey` returns whether the list used the key. `runTyped` runs the slash command
 * that is the whole text, as the Send button does on a phone, and returns whether there is one.
 */
export function useCompletion(ref: RefObject<HTMLTextAreaElement | null>, text: string) {
  const [trigger, setTrigger] = useState<SuggestionTrigger>();
  const [chosen, setChosen] = useState(0);
  const [closedAt, setClosedAt] = useState<number>();
  useEffect(watchWorkspaceChanges, []);
  const look = () => {
    const field = ref.current;
    if (!field) return;
    const now =
      field.selectionStart === field.selectionEnd ? findTriggerAt(field.value, field.selectionStart) : undefined;
    if (now?.from !== closedAt) setClosedAt(undefined);
    if (now?.word !== trigger?.word || now?.kind !== trigger?.kind) setChosen(0);
    setTrigger(now);
    const id = currentSessionId.peek();
    if (now?.kind === '/' && trigger?.kind !== '/') {
      void loadSkills().catch(() => {});
      if (id !== undefined) void loadSessionSkills(id);
    }
    if (now?.kind === '@' && id !== undefined) void loadWorkspacePaths(id);
  };
  useEffect(look, [text]);
  useEffect(() => document.getElementById(`${listId}-${chosen}`)?.scrollIntoView({ block: 'nearest' }), [chosen]);
  const shown = trigger && trigger.from !== closedAt ? trigger : undefined;
  if (!shown)
    return { list: null, aria: { 'aria-autocomplete': 'list' as const }, look, onKey: unused, runTyped: unused };

  const found = sources[shown.kind].map((source) => source(shown.word));
  const all = found.flatMap((one) => one.entries);
  const begins = ({ label }: Suggestion) => label.toLowerCase().startsWith(`/${shown.word.toLowerCase()}`);
  const entries = shown.kind === '/' ? [...all.filter(begins), ...all.filter((one) => !begins(one))] : all;
  const note = entries.length > 0 ? undefined : found.find((one) => one.note !== undefined)?.note;
  const at = Math.min(chosen, entries.length - 1);
  const take = (index: number) => {
    const entry = entries[index];
    const field = ref.current;
    if (!entry || !field) return;
    if (entry.refused !== undefined) return notify(entry.refused, 'wait');
    if (entry.inserts !== undefined) {
      const { text: now, cursor } = replaceTrigger(field.value, shown, entry.inserts);
      setComposerText(now);
      field.value = now;
      field.setSelectionRange(cursor, cursor);
    } else if (shown.kind === '/') setComposerText('');
    setTrigger(undefined);
    field.focus();
    entry.act?.();
  };
  const runTyped = (): boolean => {
    const typed = entries.findIndex(({ label, inserts }) => inserts === undefined && label === text.trim());
    if (typed !== -1) take(typed);
    return typed !== -1;
  };
  const onKey = (event: KeyboardEvent): boolean => {
    const key = pressedKeyOf(event);
    if (event.ctrlKey || event.metaKey || event.altKey) return false;
    if (key === 'Escape') setClosedAt(shown.from);
    else if (entries.length === 0) return false;
    else if (key === 'ArrowDown') setChosen((at + 1) % entries.length);
    else if (key === 'ArrowUp') setChosen((at - 1 + entries.length) % entries.length);
    else if (key === 'Tab' && entries[at]?.refused !== undefined) return false;
    else if ((key === 'Enter' || key === 'Tab') && !event.shiftKey) take(at);
    else return false;
    event.preventDefault();
    event.stopPropagation();
    return true;
  };
  const name = t(shown.kind === '@' ? 'complete.files' : 'commands');
  const list = (
    <div class="completions raised">
      <p class="sr-only" role="status">
        {entries.length > 0 ? t('complete.found', { n: entries.length }) : ''}
      </p>
      {note !== undefined && (
        <p class="quiet padded" role="status">
          {note}
        </p>
      )}
      {entries.length > 0 && (
        <div id={listId} role="listbox" aria-label={name}>
          {entries.map(({ key, icon, label, about, refused }, index) => (
            // biome-ignore lint/a11y/useKeyWithClickEvents: the message box has the focus and takes the keys
            <div
              key={key}
              id={`${listId}-${index}`}
              role="option"
              tabIndex={-1}
              aria-selected={index === at}
              aria-disabled={refused !== undefined}
              onMouseDown={(event) => event.preventDefault()} // the message box keeps the focus
              onClick={() => take(index)}
              onMouseMove={() => setChosen(index)}
            >
              <Icon name={icon} size={15} />
              <span class="cut completion-label rigid">{label}</span>
              <span class="cut quiet fill">{refused === undefined ? about : `${about} · ${refused}`}</span>
            </div>
          ))}
        </div>
      )}
    </div>
  );
  const aria = {
    'aria-autocomplete': 'list' as const,
    'aria-controls': entries.length > 0 ? listId : undefined,
    'aria-activedescendant': entries.length > 0 ? `${listId}-${at}` : undefined,
  };
  return { list, aria, look, onKey, runTyped };
}

const maxFiles = 40;

function fileSuggestions(word: string): SuggestionList {
  const id = currentSessionId.value;
  if (id === undefined) return { entries: [], note: t('complete.newSession') };
  const found = workspacePaths.value;
  switch (found.state) {
    case 'loading':
      return { entries: [], note: t('loading') };
    case 'failed':
      return { entries: [], note: t('complete.unread', { why: found.why }) };
    case 'asleep': {
      const act = () => void loadWorkspacePaths(id, { starts: true });
      const start = { key: 'start', icon: 'play', label: t('files.show'), about: t('complete.asleep'), act } as const;
      return { entries: [start] };
    }
    default: {
      const best = rankMatches(found.paths, word, { nameOf: (path) => path, max: maxFiles });
      const entries = best.map((path) => ({
        key: path,
        icon: 'file' as const,
        label: path.slice(path.lastIndexOf('/') + 1),
        about: path.slice(0, Math.max(0, path.lastIndexOf('/'))),
        inserts: `@${path}`,
      }));
      return entries.length > 0 ? { entries } : { entries, note: t('complete.noFile') };
    }
  }
}

const maxSkills = 20;

function skillSuggestions(word: string): SuggestionList {
  const id = currentSessionId.value;
  const found = sessionSkills.value;
  const own = found?.id === id ? (found?.all ?? []) : [];
  const others = (skills.value ?? []).filter(({ name }) => !own.some((one) => one.name === name));
  const added = { argumentHint: undefined, source: 'new' as const };
  const all = [...own, ...others.map(({ name, description }) => ({ name, description, ...added }))];
  const best = rankMatches(all, word, { nameOf: ({ name }) => name, max: maxSkills });
  return {
    entries: best.map(({ name, description, argumentHint, source }) => ({
      key: `skill ${name}`,
      icon: 'book' as const,
      label: `/${name}`,
      about: [argumentHint, source === 'workspace' ? `${t('skills.inWorkspace')}: ${description}` : description]
        .filter((part) => part !== undefined)
        .join(' · '),
      inserts: t('complete.useSkill', { name }),
      ...(source === 'new' && { act: () => void tryOrNotify(t('skills.notChosen'), () => addChosenSkill(id, name)) }),
    })),
  };
}
