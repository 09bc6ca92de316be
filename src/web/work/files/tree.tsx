import { useState } from 'preact/hooks';
import { toDisplayName } from '../../../core/text/file-names.ts';
import { formatBytes } from '../../parts/format.ts';
import { Icon } from '../../parts/kit/icon.tsx';
import { tryOrNotify } from '../../parts/notice.tsx';
import { pressedKeyOf } from '../../parts/pressed-key.ts';
import { VirtualList } from '../../parts/virtual-list.tsx';
import { t } from '../../text/text.ts';
import type { FileStore } from './store.ts';
import { type FileTreeRow, findRowAfterKeyPress, listTreeRows } from './tree.ts';

export function FileTree({ store }: { store: FileStore }) {
  const rows = listTreeRows(store.folders.value, store.open.value);
  const [at, setAt] = useState<string>();
  const focused = rows.some(({ path }) => path === at) ? at : rows[0]?.path;
  const use = (row: FileTreeRow) => {
    setAt(row.path);
    if (row.type === 'file') store.shown.value = row.path;
    else void tryOrNotify(t('files.openFolder'), () => store.toggle(row.path));
  };
  const onKey = (event: KeyboardEvent, row: FileTreeRow) => {
    const key = pressedKeyOf(event);
    const next = findRowAfterKeyPress(rows, row.path, key);
    const toggles =
      (key === 'ArrowRight' && row.type === 'directory' && !row.isOpen) || (key === 'ArrowLeft' && row.isOpen);
    if (key === 'Enter' || key === ' ' || toggles) use(row);
    else if (!next) return;
    event.preventDefault();
    if (!next || toggles) return;
    setAt(next.path);
    requestAnimationFrame(() => document.getElementById(idOf(next.path))?.focus());
  };
  if (rows.length === 0) return <p class="quiet empty">{t('files.none')}</p>;
  return (
    <VirtualList
      class="tree scrolls fill"
      role="tree"
      label={t('tab.files')}
      count={rows.length}
      rowHeight={30}
      shown={rows.findIndex(({ path }) => path === at)}
      row={(index) => {
        const row = rows[index] as FileTreeRow;
        return (
          <div
            key={row.path}
            id={idOf(row.path)}
            role="treeitem"
            class="row tree-row full"
            aria-level={row.depth + 1}
            aria-posinset={row.place}
            aria-setsize={row.siblings}
            aria-selected={row.path === store.shown.value}
            aria-expanded={row.type === 'directory' ? row.isOpen : undefined}
            tabIndex={row.path === focused ? 0 : -1}
            style={{ paddingLeft: `${10 + row.depth * 16}px` }}
            onClick={() => use(row)}
            onKeyDown={(event) => onKey(event, row)}
          >
            <span class="tree-arrow rigid">
              {row.type === 'directory' && <Icon name={row.isOpen ? 'down' : 'chevron'} size={14} />}
            </span>
            <Icon name={row.type === 'directory' ? 'folder' : 'file'} size={16} />
            <span class="cut fill" dir="auto">
              {toDisplayName(row.name)}
            </span>
            {row.size !== null && <span class="quiet figures small-text rigid">{formatBytes(row.size)}</span>}
          </div>
        );
      }}
    />
  );
}

const idOf = (path: string) => `file ${path}`.replaceAll(' ', '_');
