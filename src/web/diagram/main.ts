import mermaid from 'mermaid/dist/mermaid.esm.min.mjs';
import type { DiagramReport, DiagramRequest } from './messages.ts';

// An opaque origin without network access confines exploits. Mermaid needs inline styles, which the main page's policy
// refuses.

const tell = (report: DiagramReport): void => parent.postMessage(report, '*'); // the report contains no secrets

addEventListener('message', ({ data, source }: MessageEvent<DiagramRequest>) => {
  if (source === parent) void draw(data);
});
tell({ kind: 'ready' });

async function draw({ id, source, isDark }: DiagramRequest): Promise<void> {
  const place = document.getElementById('drawing');
  if (!place) return;
  try {
    mermaid.initialize({
      startOnLoad: false,
      securityLevel: 'strict',
      htmlLabels: false,
      suppressErrorRendering: true,
      maxTextSize: 20_000,
      maxEdges: 300,
      theme: isDark ? 'dark' : 'default',
      secure: [
        'secure',
        'securityLevel',
        'startOnLoad',
        'maxTextSize',
        'maxEdges',
        'suppressErrorRendering',
        'htmlLabels',
      ],
    });
    place.removeAttribute('data-processed');
    place.textContent = source;
    await mermaid.run({ nodes: [place], suppressErrors: false });
    document.documentElement.style.colorScheme = isDark ? 'dark' : 'light';
    tell({ kind: 'drawn', id, height: Math.ceil(place.getBoundingClientRect().height) });
  } catch {
    tell({ kind: 'failed', id });
  }
}
