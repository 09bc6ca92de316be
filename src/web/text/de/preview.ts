import type { preview as english } from '../en/preview.ts';

export const preview: Record<keyof typeof english, string> = {
  'tab.preview': 'Vorschau',
  'tab.new': 'neu',
  'preview.none':
    'In der Sandbox horcht nichts. Ein Programm, das auf einem Port Seiten ausliefert, erscheint hier; Links auf localhost im Gespräch führen auch hierher.',
  'preview.ports': 'Offene Ports',
  'preview.port': 'Port {port}',
  'preview.back': 'Zurück zu den Ports',
  'preview.path': 'Pfad',
  'preview.reload': 'Neu laden',
  'preview.window': 'In eigenem Fenster',
  'preview.frame': 'Das Programm an Port {port}',
  'preview.sandboxed':
    'Diese Seite ist abgeschottet, weil kein Name zu ihr führt: Adressen, die mit / beginnen, verfehlen sie, und sie hat keinen Speicher. CORRAL_PREVIEWS_DOMAIN gibt ihr einen Namen.',
  'preview.open': 'Offene Adressen',
  'preview.openText': 'Wer eine solche Adresse hat, sieht das Programm, bis sie abläuft oder geschlossen wird.',
  'preview.until': 'bis {time}',
  'preview.closeOne': '{what} schließen',
  'preview.notClosed': 'Adresse nicht geschlossen',
  'preview.files': 'Dateien',
  'attach.add': 'Dateien anhängen',
  'attach.files': 'Angehängte Dateien',
  'attach.remove': '{name} entfernen',
  'attach.sending': 'Die Nachricht kann gesendet werden, sobald ihre Dateien da sind.',
  'files.zoom': 'Das Bild in eigener Größe zeigen',
  'files.pdf': 'Dieser Browser zeigt hier keine PDF. Zum Lesen herunterladen.',
  'files.sandboxed': 'Die Seite ist abgeschottet: Ihre Skripte erreichen keine andere Website und nichts von Ihnen.',
  'files.withoutScripts': 'Die Seite wird ohne ihre Skripte gezeigt.',
  'files.runScripts': 'Skripte ausführen',
  'notebook.cell': 'Zelle {number}',
  'notebook.broken': 'Dieses Notebook kann hier nicht gelesen werden; seine Quelle schon.',
};
