import { useEffect, useState } from 'preact/hooks';
import { fetchWithToken, mutate, toErrorText } from '../../data/server.ts';
import { Button } from '../../parts/kit/button.tsx';
import { LoadPlaceholder } from '../../parts/kit/trouble.tsx';
import { PageFrame } from '../../parts/page-frame.tsx';
import { t } from '../../text/text.ts';
import type { FileStore, LoadedFile } from './store.ts';

/** Lifetime of an address if nothing closes it, for example because the browser crashed. */
const lifeMinutes = 60;

interface Props {
  readonly store: FileStore;
  readonly path: string;
  readonly kind: 'html' | 'video' | 'audio';
}

/**
 * Displays the file in the browser from a secret address, which gives access only to the file's folder and is revoked when the
 * view closes.
 */
export function ServedFile({ store, path, kind }: Props) {
  const address = useAddress(store.sessionId, path);
  const [runsScripts, setRunsScripts] = useState(false);
  useEffect(() => setRunsScripts(false), [path]);
  if (!address || 'failed' in address) return <LoadPlaceholder problem={address?.failed ?? ''} />;
  if (kind === 'html') {
    return (
      <>
        <PageFrame
          key={String(runsScripts)}
          src={address.of}
          title={path}
          allowed={runsScripts ? 'allow-scripts allow-forms allow-modals' : ''}
          takesFocus={runsScripts}
        />
        <p class="work-note quiet">
          {t(runsScripts ? 'files.sandboxed' : 'files.withoutScripts')}{' '}
          {!runsScripts && <Button class="small" label={t('files.runScripts')} onClick={() => setRunsScripts(true)} />}
        </p>
      </>
    );
  }
  return (
    <div class="file-body scrolls fill picture round">
      {/* biome-ignore-start lint/a11y/useMediaCaption: workspace files have no captions */}
      {kind === 'video' ? (
        <video src={address.of} controls title={path} />
      ) : (
        <audio src={address.of} controls title={path} />
      )}
      {/* biome-ignore-end lint/a11y/useMediaCaption: workspace files have no captions */}
    </div>
  );
}

function useAddress(sessionId: string, path: string) {
  const [address, setAddress] = useState<{ readonly of: string } | { readonly failed: string }>();
  useEffect(() => {
    const cut = path.lastIndexOf('/');
    const wish = { sessionId, of: 'files', folder: path.slice(0, Math.max(0, cut)), minutes: lifeMinutes } as const;
    const opening = mutate('ports.open', wish);
    let isOver = false;
    opening.then(
      (opened) => !isOver && setAddress({ of: opened.path + path.split('/').map(encodeURIComponent).join('/') }),
      (thrown: unknown) => !isOver && setAddress({ failed: toErrorText(thrown) }),
    );
    const close = () => {
      isOver = true;
      const remove = ({ id }: { readonly id: string }) =>
        fetchWithToken(`/api/v1/sessions/${sessionId}/previews/${id}`, { method: 'DELETE', keepalive: true });
      opening.then(remove).catch(() => {}); // an address that is not closed expires
    };
    addEventListener('pagehide', close);
    return () => {
      removeEventListener('pagehide', close);
      setAddress(undefined);
      close();
    };
  }, [sessionId, path]);
  return address;
}

/** Object URL of the whole file, valid until the view is closed. */
export function useObjectUrl(store: FileStore, file: LoadedFile, type: string): string | undefined {
  const [url, setUrl] = useState<string>();
  useEffect(() => {
    let made: string | undefined;
    let isOver = false;
    const read = file.isCut ? store.read(file.path, true) : Promise.resolve(file);
    void read.then(({ bytes }) => {
      if (isOver) return;
      made = URL.createObjectURL(new Blob([bytes], { type }));
      setUrl(made);
    });
    return () => {
      isOver = true;
      if (made !== undefined) URL.revokeObjectURL(made);
    };
  }, [file]);
  return url;
}

/** Shown in the browser's own PDF viewer, which opens no other file. */
export function PdfView({ store, file }: { store: FileStore; file: LoadedFile }) {
  const url = useObjectUrl(store, file, 'application/pdf');
  const isShown = navigator.pdfViewerEnabled;
  if (!isShown) return <p class="quiet empty">{t('files.pdf')}</p>;
  return url === undefined ? null : <iframe class="page-frame" src={url} title={file.path} />;
}
