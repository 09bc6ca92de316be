import { currentId } from '../../data/sessions.ts';
import { attempt } from '../../parts/notice.tsx';
import { addSkill, sessionSkills, skills } from '../../skills/state.ts';
import { t } from '../../text/text.ts';
import { fuzzyBest } from './fuzzy.ts';
import type { Suggestions } from './suggestion.ts';

const maxSkills = 20;

/** The skills of the session, and those that can be added to it. The message names the chosen one, so that the agent reads it. */
export function skillSuggestions(word: string): Suggestions {
  const id = currentId.value;
  const found = sessionSkills.value;
  const own = found?.id === id ? (found?.all ?? []) : [];
  const others = (skills.value ?? []).filter(({ name }) => !own.some((one) => one.name === name));
  const all = [...own, ...others.map(({ name, description }) => ({ name, description, source: 'new' as const }))];
  const best = fuzzyBest(all, word, { nameOf: ({ name }) => name, max: maxSkills });
  return {
    entries: best.map(({ name, description, source }) => ({
      key: `skill ${name}`,
      icon: 'book' as const,
      label: `/${name}`,
      about: source === 'workspace' ? `${t('skills.inWorkspace')}: ${description}` : description,
      inserts: t('complete.useSkill', { name }),
      ...(source === 'new' && { act: () => void attempt(t('skills.notChosen'), () => addSkill(id, name)) }),
    })),
  };
}
