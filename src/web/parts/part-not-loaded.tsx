import { connectionState } from '../data/server.ts';
import { t } from '../text/text.ts';
import { Button } from './kit/button.tsx';
import { EmptyState } from './kit/empty.tsx';

/** If the server responds but lacks this chunk, the page was loaded from another version of the server. */
export function ChunkLoadError({ again }: { again: () => void }) {
  const isOutdated = connectionState.value === 'open';
  return (
    <EmptyState text={t(isOutdated ? 'pageOutdated' : 'tabNotLoaded')} role="status">
      {isOutdated ? (
        <Button kind="primary" icon="retry" label={t('reloadPage')} onClick={() => location.reload()} />
      ) : (
        <Button label={t('tryAgain')} onClick={again} />
      )}
    </EmptyState>
  );
}
