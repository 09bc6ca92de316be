import type { ComponentChildren } from 'preact';
import { useEffect } from 'preact/hooks';
import { loadWorkspacePaths, workspacePaths } from '../conversation/completion/workspace-paths.ts';
import { conversationState } from '../data/log.ts';
import { currentSessionId } from '../data/sessions.ts';
import { t } from '../text/text.ts';
import { showPreviewAt } from '../work/preview/state.ts';
import { type PreviewLocation, parsePreviewLocation } from '../work/preview/target.ts';
import { openFileInPane } from '../work/results.ts';

const fileForm = /^(\.\/|\/)?[\w@+~-][\w@.+~-]*(\/[\w@.+~-]+)*$/;
const address = /(?:https?:\/\/)?(?:localhost|127\.0\.0\.1|0\.0\.0\.0):\d{1,5}(?:\/[\w./~%?&=#+-]*[\w/~%=#+-])?/gi;

export function CodeSpan({ code, sessionId }: { code: string; sessionId: string | undefined }) {
  const plain = <code dir="ltr">{code}</code>;
  if (sessionId === undefined || sessionId !== currentSessionId.value) return plain;
  const place = parsePreviewLocation(code);
  if (place) return <PreviewLink place={place}>{plain}</PreviewLink>;
  return fileForm.test(code) && code.includes('.') ? <FileLink name={code} sessionId={sessionId} /> : plain;
}

function FileLink({ name, sessionId }: { name: string; sessionId: string }) {
  const run = conversationState.run.value.kind; // when the run ends, list the files again
  useEffect(() => void loadWorkspacePaths(sessionId), [sessionId, run]);
  const target = name.replace(/^\.\//, '');
  const path = workspacePaths.value.paths.find((one) => one === target || target.endsWith(`/${one}`));
  const code = <code dir="ltr">{name}</code>;
  if (path === undefined) return code;
  return (
    <a
      href={`#${sessionId}`}
      title={t('openFile', { path })}
      onClick={(event) => {
        event.preventDefault();
        openFileInPane(sessionId, path);
      }}
    >
      {code}
    </a>
  );
}

export const PreviewLink = ({ place, children }: { place: PreviewLocation; children: ComponentChildren }) => (
  <a
    href={`http://localhost:${place.port}${place.path}`}
    title={t('preview.port', { port: place.port })}
    onClick={(event) => {
      event.preventDefault();
      showPreviewAt(place);
    }}
  >
    {children}
  </a>
);

export function linkSandboxAddresses(text: string): ComponentChildren {
  if (currentSessionId.peek() === undefined || !text.includes(':')) return text;
  const parts: ComponentChildren[] = [];
  let from = 0;
  for (const { 0: found, index } of text.matchAll(address)) {
    const place = parsePreviewLocation(found);
    if (!place) continue;
    parts.push(text.slice(from, index), <PreviewLink place={place}>{found}</PreviewLink>);
    from = index + found.length;
  }
  return from === 0 ? text : [...parts, text.slice(from)];
}
