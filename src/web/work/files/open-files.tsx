import { IconButton } from '../../parts/button.tsx';
import { t } from '../../text/text.ts';
import type { FileStore } from './store.ts';

/** The open files, next to each other; the shown one is marked, and so is one with changes that are not saved. */
export function OpenFiles({ store }: { store: FileStore }) {
  const { value: paths } = store.opened;
  if (paths.length < 2) return null;
  return (
    <ul class="open-files" aria-label={t('files.opened')}>
      {paths.map((path) => (
        <li key={path} data-shown={path === store.shown.value}>
          <button
            type="button"
            title={path}
            aria-current={path === store.shown.value}
            onClick={() => {
              store.shown.value = path;
            }}
          >
            {path.split('/').at(-1)}
            {store.drafts.has(path) && <span role="img" aria-label={t('files.unsaved')} class="unsaved" />}
          </button>
          <IconButton icon="close" label={t('files.closeOne', { path })} onClick={() => store.close(path)} />
        </li>
      ))}
    </ul>
  );
}
