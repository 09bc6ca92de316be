import { currentId } from '../../data/sessions.ts';
import { sessionSkills } from '../../skills/state.ts';
import { t } from '../../text/text.ts';
import { fuzzyBest } from './fuzzy.ts';
import type { Suggestions } from './suggestion.ts';

const maxSkills = 20;

/** The skills of the session. The message names the chosen one, so that the agent reads it. */
export function skillSuggestions(word: string): Suggestions {
  const found = sessionSkills.value;
  const all = found?.id === currentId.value ? (found?.all ?? []) : [];
  const best = fuzzyBest(all, word, { nameOf: ({ name }) => name, max: maxSkills });
  return {
    entries: best.map(({ name, description, source }) => ({
      key: `skill ${name}`,
      icon: 'book' as const,
      label: `/${name}`,
      about: source === 'workspace' ? `${t('skills.inWorkspace')}: ${description}` : description,
      inserts: t('complete.useSkill', { name }),
    })),
  };
}
