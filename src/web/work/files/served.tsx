import { useEffect, useState } from 'preact/hooks';
import { wordsOf } from '../../data/server.ts';
import { t } from '../../text/text.ts';
import { previewOf } from '../preview/state.ts';
import type { FileStore, LoadedFile } from './store.ts';

interface Props {
  readonly store: FileStore;
  readonly path: string;
  readonly kind: 'html' | 'video' | 'audio';
}

/** A file as the browser shows it, from a secret address of the workspace's files. A page is sandboxed there. */
export function Served({ store, path, kind }: Props) {
  const [base, setBase] = useState<{ readonly path: string } | { readonly failed: string }>();
  useEffect(() => {
    previewOf(store.sessionId, 'files').then(setBase, (thrown: unknown) => setBase({ failed: wordsOf(thrown) }));
  }, [store]);
  if (!base) return <p class="quiet empty">{t('files.loading')}</p>;
  if ('failed' in base) return <p class="empty bad-text">{base.failed}</p>;
  const address = base.path + path.split('/').map(encodeURIComponent).join('/');
  if (kind === 'html') {
    return (
      <>
        <iframe
          class="page-frame"
          src={address}
          title={path}
          sandbox="allow-scripts allow-forms allow-popups allow-modals"
          referrerpolicy="no-referrer"
        />
        <p class="work-note quiet">{t('files.sandboxed')}</p>
      </>
    );
  }
  return (
    <div class="file-body picture">
      {/* biome-ignore-start lint/a11y/useMediaCaption: a file of the workspace brings no captions */}
      {kind === 'video' ? <video src={address} controls title={path} /> : <audio src={address} controls title={path} />}
      {/* biome-ignore-end lint/a11y/useMediaCaption: a file of the workspace brings no captions */}
    </div>
  );
}

/** By the browser's own reader, which opens no other file. */
export function Pdf({ store, file }: { store: FileStore; file: LoadedFile }) {
  const [url, setUrl] = useState<string>();
  useEffect(() => {
    let made: string | undefined;
    let isOver = false;
    const read = file.isCut ? store.read(file.path, true) : Promise.resolve(file);
    void read.then(({ bytes }) => {
      if (isOver) return;
      made = URL.createObjectURL(new Blob([bytes], { type: 'application/pdf' }));
      setUrl(made);
    });
    return () => {
      isOver = true;
      if (made !== undefined) URL.revokeObjectURL(made);
    };
  }, [file]);
  const isShown = navigator.pdfViewerEnabled;
  if (!isShown) return <p class="quiet empty">{t('files.pdf')}</p>;
  return url === undefined ? null : <iframe class="page-frame" src={url} title={file.path} />;
}
