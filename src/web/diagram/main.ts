import mermaid from 'mermaid/dist/mermaid.esm.min.mjs';
import type { DiagramOrder, DiagramReport } from './messages.ts';

// Draws diagrams that an agent wrote. The server gives this page no origin and no network, so what goes wrong here reaches
// nothing. Mermaid needs a document and styles of its own, which the policy of the main page refuses.

const tell = (report: DiagramReport): void => parent.postMessage(report, '*'); // nothing secret is in it

addEventListener('message', ({ data, source }: MessageEvent<DiagramOrder>) => {
  if (source === parent) void draw(data);
});
tell({ kind: 'ready' });

async function draw({ id, source, isDark }: DiagramOrder): Promise<void> {
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
