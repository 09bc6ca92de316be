import { useEffect, useState } from 'preact/hooks';
import { query, wordsOf } from '../data/server.ts';
import { Button } from '../parts/button.tsx';
import { t } from '../text/text.ts';
import { imageType } from '../work/files/preview.ts';

interface Props {
  readonly sessionId: string;
  readonly path: string;
  readonly label: string;
}

/** A picture of the workspace. Reading a file starts a stopped sandbox, so the person decides about that. */
export function WorkspaceImage({ sessionId, path, label }: Props) {
  const [state, setState] = useState<{ url?: string; text?: string; mayLoad?: boolean }>({});
  const load = async () => {
    const { content } = await query('files.read', { sessionId, path, encoding: 'base64' });
    const bytes = Uint8Array.from(atob(content), (sign) => sign.charCodeAt(0));
    setState({ url: URL.createObjectURL(new Blob([bytes], { type: imageType(path) ?? 'image/png' })) });
  };
  const tryLoad = () => load().catch((thrown: unknown) => setState({ text: wordsOf(thrown) }));
  useEffect(() => {
    query('sandbox.status', { sessionId }).then(
      ({ state: sandbox }) => (sandbox === 'running' ? tryLoad() : setState({ mayLoad: true })),
      () => setState({ mayLoad: true }),
    );
  }, [sessionId, path]);
  useEffect(() => {
    const { url } = state;
    return () => url && URL.revokeObjectURL(url);
  }, [state.url]);
  if (state.url) return <img class="picture" src={state.url} alt={label || path} />;
  if (state.mayLoad) return <Button onClick={tryLoad}>{t('showPicture', { path })}</Button>;
  return <span class="quiet">{state.text ? `${path}: ${state.text}` : path}</span>;
}
