import { currentId } from '../../data/sessions.ts';
import { t } from '../../text/text.ts';
import { fuzzyBest } from './fuzzy.ts';
import type { Suggestions } from './suggestion.ts';
import { readWorkspacePaths, workspacePaths } from './workspace-paths.ts';

const maxFiles = 40;

/** The files of the workspace. */
export function fileSuggestions(word: string): Suggestions {
  const id = currentId.value;
  if (id === undefined) return { entries: [], note: t('complete.newSession') };
  const found = workspacePaths.value;
  switch (found.state) {
    case 'loading':
      return { entries: [], note: t('files.loading') };
    case 'failed':
      return { entries: [], note: t('complete.unread', { why: found.why }) };
    case 'asleep': {
      const act = () => void readWorkspacePaths(id, { starts: true });
      const start = { key: 'start', icon: 'play', label: t('files.show'), about: t('complete.asleep'), act } as const;
      return { entries: [start] };
    }
    default: {
      const best = fuzzyBest(found.paths, word, { nameOf: (path) => path, max: maxFiles });
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
